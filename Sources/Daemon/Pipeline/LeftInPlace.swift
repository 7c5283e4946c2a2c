import StayposCore
import Synchronization

/// Flagged files that could not be moved for some minutes: they are served on, and somebody has to do something.
final class LeftInPlace: Sendable {
  private let items = Mutex<Set<Int64>>([])
  private let degradations: DegradationBoard

  init(degradations: DegradationBoard) {
    self.degradations = degradations
  }

  /// - Returns: whether it is the first time.
  func insert(_ item: Int64, because reason: String) -> Bool {
    let (isNew, count) = items.withLock { items in (items.insert(item).inserted, items.count) }
    degradations.raise(
      "quarantine", "flagged files left in their places: \(count); the last because: \(reason)",
      remedy: "mend that, or move them yourself; each is tried again every hour", level: .error)
    return isNew
  }

  /// It was moved, or is gone.
  func remove(_ item: Int64) {
    let isOver = items.withLock { $0.remove(item) != nil && $0.isEmpty }
    if isOver { degradations.clear("quarantine") }
  }
}
