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
      "the record of \(record.id) is not what was written when the file was moved (path, size or sha256): put a copy of "
        + "\(record.id).json back, or copy the content out of the quarantine by hand")
  }

  func note(_ departure: Quarantine.Departure) throws(CatalogueError) {
    switch departure {
    case .restored(let record, let identity):
      try catalogue.setState(.restored, of: record.id, judged: identity, sha256: record.sha256)
    case .deleted(let record): try catalogue.setState(.deleted, of: record.id)
    }
    roomWasMade()
  }

  /// Something has left the quarantine, or the limit is another one: what found no room is tried again at once.
  func roomWasMade() {
    checkRoom()
    retryHomeless()
  }

  /// Hands a file back to the queue, as ``Catalogue/release(_:notBefore:countAttempt:isWait:identity:)`` does.
  func release(
    _ item: Int64, after delay: Duration, countAttempt: Bool = false, isWait: Bool = false,
    identity: FileIdentity? = nil
  ) throws(CatalogueError) {
    let ended = try catalogue.release(
      item, notBefore: Timestamp.steady.advanced(by: delay), countAttempt: countAttempt, isWait: isWait,
      identity: identity)
    for item in ended ?? [] { noteEnd(of: item) }
  }

  /// A flagged file was moved, is gone, is flagged no more, or waits under another's number.
  func noteEnd(of item: Int64) {
    let wasFull = leftInPlace.isRoomWanted
    if leftInPlace.remove(item) { retryHomeless() }
    if wasFull { checkRoom() }
  }

  /// A flagged file could not be moved. That there is no room is said at the first, not when one is given up.
  func noteFailure(of item: Int64, _ error: QuarantineError) {
    let foundNoRoom = error.code == .full || error.code == .noSpace
    leftInPlace.note(item, foundNoRoom: foundNoRoom)
    guard foundNoRoom else { return checkRoom() }
    let (detail, remedy) =
      error.code == .full
      ? ("the \(quarantine.maxBytes) bytes of max_bytes are used up", Self.roomRemedy)
      : ("its file system has no room", "free space there; delete or restore objects, or set retention_days")
    degradations.raise(
      "quarantine-space", "\(detail): flagged files stay in their places, and are tried again", remedy: remedy,
      level: .error)
  }

  /// Said before the quarantine is full: then flagged files stay where they are, for nothing is deleted to make room.
  func checkRoom() {
    guard !leftInPlace.isRoomWanted else { return }
    let limit = quarantine.maxBytes
    guard limit > 0, quarantine.totals.bytes >= limit / 10 * 9 else { return degradations.clear("quarantine-space") }
    // No sum: it would be news with every file.
    degradations.raise(
      "quarantine-space", "nine tenths of the \(limit) bytes of max_bytes are used", remedy: Self.roomRemedy)
  }

  /// Not what waits for something else: a directory's new name may not have been reported yet.
  private func retryHomeless() {
    let homeless = leftInPlace.homeless
    guard !homeless.isEmpty else { return }
    try? catalogue.hurry(homeless)
    wakeWorkers()
  }

  /// Without the catalogue: each file in its own time.
  func retryWaiting() {
    try? catalogue.hurry()
    wakeWorkers()
  }

  private static let roomRemedy = "delete or restore objects, set retention_days, or raise max_bytes"
}
