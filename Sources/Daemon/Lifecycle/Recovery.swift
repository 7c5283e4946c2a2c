import Cataloguing
import Quarantining
import StayposCore

/// Makes catalogue and quarantine agree after an end that was none of the daemon's choosing. Run twice, it changes
/// nothing the second time.
struct Recovery {
  let context: PipelineContext

  func run() throws(StartError) {
    defer { context.checkRoom() }
    do {
      let recovery = try context.quarantine.recover(beforeForgetting: context.note)
      Failpoint.pass("recovery.quarantineDone")
      if !recovery.changedNothing {
        context.events.record(
          Event(
            .recovered, .notice,
            "recovered the quarantine: \(recovery.taken.count) taken, \(recovery.leftInPlace.count) left in place, "
              + "\(recovery.restored.count) restored, \(recovery.notRestored.count) not restored, "
              + "\(recovery.deleted.count) deleted"))
      }
      try context.catalogue.hurry()
      let (records, problems) = try context.quarantine.records()
      for problem in problems {
        context.events.record(Event(.evidenceChanged, .error, "\(problem.name): \(problem.error)"))
      }
      for record in records where try context.catalogue.quarantined(record.id) == nil {
        try complete(record)
      }
      var summaries: [QuarantineSummary] = []
      for record in records { summaries.append(try summary(of: record)) }
      let missing = try context.catalogue.rebuildQuarantine(from: summaries)
      Failpoint.pass("recovery.indexed")
      for id in missing {
        context.events.record(
          Event(.evidenceChanged, .error, "listed in the quarantine and not there any more", quarantineID: id))
      }
    } catch {
      throw StartError("the quarantine cannot be recovered: \(error)")
    }
  }

  /// Of a record that was changed since, what was written down when the file was moved.
  private func summary(of record: QuarantineRecord) throws(CatalogueError) -> QuarantineSummary {
    guard let known = try context.catalogue.quarantined(record.id), !record.agrees(with: known) else {
      return QuarantineSummary(record)
    }
    context.events.record(
      Event(
        .evidenceChanged, .error, "its record says another path, size or sha256 than before", path: known.path,
        sha256: known.sha256, quarantineID: known.id))
    return known
  }

  /// Killed between the move and the verdict's transaction: the record knows everything that the history needs.
  private func complete(_ record: QuarantineRecord) throws(CatalogueError) {
    let entry = HistoryEntry(
      time: record.time, path: record.path, fileSize: record.size, sha256: record.sha256, verdict: .flagged,
      detail: "completed from the quarantine's record after a crash", score: record.score, threshold: record.threshold,
      model: record.model.sha256, quarantineID: record.id, duration: .zero)
    let recorded = try context.catalogue.complete(
      itemID: nil, entry: entry, identity: nil, quarantined: (QuarantineSummary(record), record.identity))
    Failpoint.pass("recovery.completed")
    context.events.record(Event(verdictOn: recorded))
  }
}
