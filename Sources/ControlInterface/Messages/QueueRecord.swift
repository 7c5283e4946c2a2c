import StayposCore

/// `type QueueEntry`: a settled file that waits for its verdict.
package struct QueueRecord: Codable, Sendable, Equatable {
  package enum Priority: String, Codable, Sendable {
    case backlog
    case live
    case submitted
  }

  package var id: Int64
  package var path: String
  package var pathBase64: String?
  package var size: Int64
  package var priority: Priority
  package var enqueued: String
  package var attempts: Int

  package init(_ item: QueueItem) {
    id = item.id
    (path, pathBase64) = item.path.json
    size = item.identity.size
    priority =
      switch item.priority {
      case .backlog: .backlog
      case .live: .live
      case .submitted: .submitted
      }
    enqueued = item.enqueued.rfc3339
    attempts = item.attempts
  }
}
