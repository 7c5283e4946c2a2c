import SystemPackage

/// Order of service: live uploads before the backlog.
package enum QueuePriority: Int, Sendable, Codable, Comparable {
  case backlog = 0
  case live = 1
  /// Somebody is waiting for it: `staypos-ctl submit`.
  case submitted = 2

  package static func < (left: QueuePriority, right: QueuePriority) -> Bool { left.rawValue < right.rawValue }
}

/// A settled file that waits for its verdict.
package struct QueueItem: Sendable, Equatable {
  /// Given by the catalogue.
  package var id: Int64
  package var path: FilePath
  /// As admitted; what is found under the path later may be another file.
  package var identity: FileIdentity
  package var priority: QueuePriority
  package var enqueued: Timestamp
  /// Attempts that ended without a verdict.
  package var attempts: Int
  /// Of these, those that were waits: for a writer to end, or for a flagged file to become movable.
  package var waits: Int

  package init(
    id: Int64, path: FilePath, identity: FileIdentity, priority: QueuePriority, enqueued: Timestamp, attempts: Int,
    waits: Int = 0
  ) {
    self.id = id
    self.path = path
    self.identity = identity
    self.priority = priority
    self.enqueued = enqueued
    self.attempts = attempts
    self.waits = waits
  }
}
