import Cataloguing
import Quarantining
import StayposCore
import SystemPackage

/// Quarantine and catalogue agree at every moment: what leaves the one is written into the other before its record goes.
extension PipelineContext {
  /// The file counts as judged before it appears, so that it is not taken again whatever happens after that.
  func restore(_ id: QuarantineID, to path: FilePath?) throws(QuarantineError) -> Quarantine.Restored {
    let record = try quarantine.record(id)
    try requireAgreement(record)
    let sha256 = record.sha256
    return try quarantine.restore(
      id, to: path,
      beforePublishing: { try catalogue.setJudged($0, sha256: sha256, historyID: nil) },
      beforeForgetting: { departure in
        do throws(CatalogueError) {
          try note(departure)
        } catch {
          throw QuarantineError(
            .io,
            "the file is back in its place, but this could not be written down: \(error.message); then restart the "
              + "daemon, which finishes that")
        }
      })
  }

  /// A record lies on the disk for long; where it leads and what it stands for was written down twice.
  private func requireAgreement(_ record: QuarantineRecord) throws(QuarantineError) {
    let known: QuarantineSummary?
    do throws(CatalogueError) {
      known = try catalogue.quarantined(record.id)
    } catch {
      throw QuarantineError(.io, error.message)
    }
    guard let known, !record.agrees(with: known) else { return }
    throw QuarantineError(
      .tampered,
      "the record of \(record.id) is not what was written when the file was moved (path, size or sha256): put back a "
        + "copy of it, or export the object by hand")
  }

  func note(_ departure: Quarantine.Departure) throws(CatalogueError) {
    switch departure {
    case .restored(let record, let identity):
      try catalogue.setState(.restored, of: record.id, judged: identity, sha256: record.sha256)
    case .deleted(let record): try catalogue.setState(.deleted, of: record.id)
    }
    checkRoom()
  }

  /// Said before the quarantine is full: then flagged files stay where they are, for nothing is deleted to make room.
  func checkRoom() {
    let limit = quarantine.maxBytes
    guard limit > 0, quarantine.totals.bytes >= limit / 10 * 9 else { return degradations.clear("quarantine-space") }
    // No sum: it would be news with every file.
    degradations.raise(
      "quarantine-space", "nine tenths of the \(limit) bytes of max_bytes are used",
      remedy: "delete or restore objects, set retention_days, or raise max_bytes")
  }
}
