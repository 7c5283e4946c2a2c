import StayposCore

/// `type Event`: what the journal gets, for those who watch.
package struct EventRecord: Codable, Sendable, Equatable {
  package enum Level: String, Codable, Sendable {
    case error
    case warning
    case notice
    case info
    case debug
  }

  package var time: String
  /// Name of the kind, for example `quarantined`.
  package var event: String
  package var level: Level
  package var message: String
  package var path: String?
  package var pathBase64: String?
  package var sha256: SHA256Digest?
  package var verdict: Verdict.Name?
  package var reason: NotScoredReason?
  package var probability: Double?
  package var logit: Double?
  /// Of an event with a score: probability and logit are at least these.
  package var lowerBound: Bool?
  package var threshold: Threshold?
  package var model: SHA256Digest?
  package var quarantineId: QuarantineID?
  package var durationSeconds: Double?
  /// Who asked for it.
  package var uid: UInt32?
  package var pid: Int32?

  package init(_ event: Event, at time: Timestamp) {
    self.time = time.rfc3339
    self.event = event.kind.rawValue
    level =
      switch event.level {
      case .error: .error
      case .warning: .warning
      case .notice: .notice
      case .info: .info
      case .debug: .debug
      }
    message = event.message
    if let path = event.path { (self.path, pathBase64) = path.json }
    sha256 = event.sha256
    verdict = event.verdict?.name
    reason = event.verdict?.reason
    probability = event.score?.probability.finite
    logit = event.score?.logit.finite
    lowerBound = event.score?.isLowerBound
    threshold = event.threshold
    model = event.model
    quarantineId = event.quarantineID
    durationSeconds = event.duration.map { $0 / .seconds(1) }
    uid = event.peer?.uid
    pid = event.peer?.pid
  }
}
