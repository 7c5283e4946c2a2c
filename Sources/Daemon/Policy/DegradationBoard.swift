import StayposCore
import Synchronization

/// What is not as it should be right now. Every entry is said once when it appears and once when it goes.
package final class DegradationBoard: Sendable {
  private let current = Mutex<[Degradation]>([])
  private let events: EventHub

  package init(events: EventHub) {
    self.events = events
  }

  package var all: [Degradation] { current.withLock { $0 } }

  /// - Parameter level: `error` where images pass unjudged.
  package func raise(_ kind: String, _ detail: String, remedy: String, level: Event.Level = .warning) {
    let isNew = current.withLock { current in
      if let index = current.firstIndex(where: { $0.kind == kind }) {
        guard current[index].detail != detail else { return false }
        current[index].detail = detail
        return true
      }
      current.append(Degradation(kind: kind, detail: detail, since: .now, remedy: remedy))
      return true
    }
    if isNew { events.record(Event(.degraded, level, "degraded: \(kind): \(detail); \(remedy)")) }
  }

  package func clear(_ kind: String) {
    let was = current.withLock { current in
      let count = current.count
      current.removeAll { $0.kind == kind }
      return current.count != count
    }
    if was { events.record(Event(.recovered, .notice, "recovered: \(kind)")) }
  }
}
