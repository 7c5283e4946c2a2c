import StayposCore
import Synchronization

/// Flagged files that could not be moved: they are served on, and somebody has to do something.
final class LeftInPlace: Sendable {
  private struct State {
    /// For some minutes, so that they have got their verdicts.
    var givenUp: Set<Int64> = []
    /// Those that found no room in the quarantine.
    var homeless: Set<Int64> = []
    /// Of the given up and homeless the one that looks for room on behalf of all.
    var scout: Int64?
  }

  private let state = Mutex(State())
  private let degradations: DegradationBoard

  init(degradations: DegradationBoard) {
    self.degradations = degradations
  }

  /// Whether any waits for room.
  var isRoomWanted: Bool { state.withLock { !$0.homeless.isEmpty } }

  /// Those that wait for room.
  var homeless: Set<Int64> { state.withLock { $0.homeless } }

  /// It could not be moved.
  func note(_ item: Int64, foundNoRoom: Bool) {
    state.withLock { state in
      if foundNoRoom {
        state.homeless.insert(item)
      } else {
        state.homeless.remove(item)
        if state.scout == item { state.scout = nil }
      }
    }
  }

  /// It is to be tried again slowly.
  /// - Returns: whether it is the first time, and how long it waits.
  func giveUp(_ item: Int64, because reason: String) -> (isNew: Bool, pause: Duration) {
    let (isNew, isScout, count) = state.withLock { state in
      if state.homeless.contains(item) { state.scout = state.scout ?? item }
      return (state.givenUp.insert(item).inserted, state.scout == item, state.givenUp.count)
    }
    degradations.raise(
      "quarantine", "flagged files left in their places: \(count); the last because: \(reason)",
      remedy: "mend that, or move them yourself; each is tried again every hour", level: .error)
    return (isNew, isScout ? RetryPolicy.scoutPause : RetryPolicy.movePause)
  }

  /// It was moved, or is gone.
  /// - Returns: whether it was the scout: the others are to be tried.
  func remove(_ item: Int64) -> Bool {
    let (isOver, isScout) = state.withLock { state in
      let isScout = state.scout == item
      if isScout { state.scout = nil }
      state.homeless.remove(item)
      return (state.givenUp.remove(item) != nil && state.givenUp.isEmpty, isScout)
    }
    if isOver { degradations.clear("quarantine") }
    return isScout
  }
}
