import Cataloguing
import Filesystem
import Quarantining
import Scoring
import StayposCore
import SystemPackage

extension Judge {
  /// Moves the flagged file away, or says why it could not be moved.
  func quarantine(
    _ entry: HistoryEntry, _ file: borrowing RegularFile, _ status: FileStatus
  ) throws(CatalogueError) {
    var entry = entry
    guard status.links > 0 else {
      entry.detail = "deleted by somebody else before it could be moved"
      return try finish(entry, identity: nil)
    }
    step()
    switch move(entry, file, status) {
    case .success(let record):
      entry.quarantineID = record.id
      entry.path = record.path
      entry.detail = record.reservation
      // Killed before this is done: the record is beside the file, and the next start completes the history from it.
      try finish(entry, identity: nil, quarantined: record)
      context.checkRoom()
    case .failure(let error):
      switch error.code {
      case .vanished, .replaced:
        entry.detail = "left in place: \(error)"
        try finish(entry, identity: nil)
      case .changed:
        try setBack(.change, "\(error)", file, entry)
      default:
        context.events.record(
          Event(
            .quarantineFailed, .error, "\(error)", path: item.path, sha256: entry.sha256, verdict: .flagged,
            score: entry.score, threshold: entry.threshold, model: entry.model))
        try leaveInPlace(entry, error, as: try? file.descriptor.status().identity)
      }
    }
  }

  /// Tried again soon for some minutes. Then the verdict stands as it is, with the file in its place, and it is tried again
  /// slowly, with the score that the history has by then.
  ///
  /// - Parameter identity: of the file now. A move that was undone has left its mark in the change time, and the watcher
  ///   reports it: without this it would be tried again at once, without end.
  private func leaveInPlace(
    _ entry: HistoryEntry, _ error: QuarantineError, as identity: FileIdentity?
  ) throws(CatalogueError) {
    context.noteFailure(of: item.id, error)
    let attempts = RetryPolicy.attempts(of: item, endingIn: .move)
    let pause: Duration
    switch RetryPolicy.decision(after: .move, attempts: attempts) {
    case .retry(let delay): pause = delay
    case .giveUp:
      var entry = entry
      entry.detail = "left in place: \(error)"
      let (isNew, slow) = context.leftInPlace.giveUp(item.id, because: error.message)
      pause = slow
      // Once in a run of the daemon; the later failures are in the journal.
      if isNew { try writeDown(entry, identity: nil, ending: nil) }
    }
    try context.release(
      item.id, after: pause, countAttempt: true, isWait: RetryPolicy.Setback.move.isWait, identity: identity)
  }

  /// Under the path it was found at, or under the name it has by now.
  private func move(
    _ entry: HistoryEntry, _ file: borrowing RegularFile, _ status: FileStatus
  ) -> Result<QuarantineRecord, QuarantineError> {
    let first = take(item.path, entry, file, status)
    guard case .failure(let error) = first, error.code == .vanished || error.code == .replaced,
      let path = currentPath(of: file.descriptor), path != item.path
    else { return first }
    return take(path, entry, file, status)
  }

  private func take(
    _ path: FilePath, _ entry: HistoryEntry, _ file: borrowing RegularFile, _ status: FileStatus
  ) -> Result<QuarantineRecord, QuarantineError> {
    guard let score = entry.score, let sha256 = entry.sha256 else {
      preconditionFailure("only a scored file is flagged")
    }
    do {
      return .success(
        try context.quarantine.take(
          path: path, file: file.descriptor, identity: status.identity, sha256: sha256, score: score,
          threshold: entry.threshold, model: .init(name: setup.model.name, sha256: setup.model.sha256), time: .now))
    } catch {
      return .failure(error)
    }
  }

  /// What /proc says; a hint only: ``Quarantine`` proves that the name belongs to the file.
  private func currentPath(of file: borrowing Descriptor) -> FilePath? {
    try? FilePath("/proc/self/fd/\(file.rawValue)").readingSymbolicLink()
  }
}

extension QuarantineRecord {
  /// What the move did not put out of reach, or cannot bring back; nil if nothing.
  var reservation: String? {
    var parts: [String] = []
    if links > 1 { parts.append("\(links - 1) other \(links == 2 ? "name" : "names") of it left alone") }
    if writerOpen == true { parts.append("somebody has it open for writing") }
    if metadata.attributesOmitted { parts.append("its extended attributes are too large to be recorded") }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  /// Whether it is still what was written down when the file was moved.
  func agrees(with summary: QuarantineSummary) -> Bool {
    path == summary.path && size == summary.size && sha256 == summary.sha256
  }
}

extension QuarantineSummary {
  init(_ record: QuarantineRecord) {
    self.init(
      id: record.id, path: record.path, size: record.size, sha256: record.sha256, score: record.score,
      threshold: record.threshold, model: record.model.sha256, time: record.time)
  }
}
