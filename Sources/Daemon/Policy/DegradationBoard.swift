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

  /// The one degradation of its kind; a new detail replaces the old one, and a new remedy.
  /// - Parameter level: `error` where images pass unjudged.
  package func raise(_ kind: String, _ detail: String, remedy: String, level: Event.Level = .warning) {
    let new = Degradation(kind: kind, detail: detail, since: .now, remedy: remedy)
    let isNews = current.withLock { current in
      guard let index = current.firstIndex(where: { $0.kind == kind }) else {
        current.append(new)
        return true
      }
      defer { (current[index].detail, current[index].remedy) = (detail, remedy) }
      return current[index].detail != detail
    }
    if isNews { announce(new, level) }
  }

  package func clear(_ kind: String) {
    remove { $0.kind == kind }
  }

  /// One of several of its kind, told apart by when they began.
  package func insert(_ degradation: Degradation) {
    current.withLock { $0.append(degradation) }
    announce(degradation, .warning)
  }

  /// - Parameter degradation: as inserted, but for its detail, which may have changed meanwhile (a count).
  package func remove(_ degradation: Degradation) {
    remove { $0.kind == degradation.kind && $0.since == degradation.since }
  }

  private func announce(_ degradation: Degradation, _ level: Event.Level) {
    events.record(
      Event(.degraded, level, "degraded: \(degradation.kind): \(degradation.detail); \(degradation.remedy)"))
  }

  private func remove(_ isOver: (Degradation) -> Bool) {
    let over = current.withLock { current in
      defer { current.removeAll(where: isOver) }
      return current.filter(isOver)
    }
    for degradation in over {
      events.record(Event(.recovered, .notice, "recovered: \(degradation.kind): \(degradation.detail)"))
    }
  }
}
