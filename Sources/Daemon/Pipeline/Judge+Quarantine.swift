import Cataloguing
import Filesystem
import Glibc
import Quarantining
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
    do {
      let record = try move(entry, file, status)
      entry.quarantineID = record.id
      entry.path = record.path
      try context.catalogue.upsert(QuarantineSummary(record))
      return try finish(entry, identity: nil)
    } catch let error as CatalogueError {
      // The file is in the quarantine and its record beside it: the next start completes the history from it.
      throw error
    } catch let error as QuarantineError {
      switch error.code {
      case .vanished, .replaced:
        entry.detail = "left in place: \(error.message)"
        try finish(entry, identity: nil)
      case .changed:
        try setBack(.change, error.message, file, entry)
      default:
        context.events.record(
          Event(
            .quarantineFailed, .error, error.message, path: item.path, sha256: entry.sha256, verdict: .flagged,
            score: entry.score, threshold: entry.threshold, model: entry.model))
        try setBack(.move, "left in place: \(error.message)", file, entry)
      }
    } catch {
      fatalError("unreachable: \(error)")
    }
  }

  /// Under the path it was found at, or under the name it has by now.
  private func move(
    _ entry: HistoryEntry, _ file: borrowing RegularFile, _ status: FileStatus
  ) throws -> QuarantineRecord {
    do {
      return try take(item.path, entry, file, status)
    } catch let error as QuarantineError where error.code == .vanished || error.code == .replaced {
      guard let path = file.descriptor.currentPath, path != item.path else { throw error }
      return try take(path, entry, file, status)
    }
  }
}
