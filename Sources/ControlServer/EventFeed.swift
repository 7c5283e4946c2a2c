import StayposCore
import Synchronization

/// Carries events from wherever they happen to the clients that watch. The daemon makes one, hands it to the server and
/// publishes into it; nobody watches at first, and then publishing costs a lock and nothing else.
package final class EventFeed: Sendable {
  /// Events on their way to the control thread; beyond it they are lost and counted.
  static let capacity = 1024

  struct Batch {
    var events: [(event: Event, time: Timestamp)] = []
    var lost = 0
  }

  private struct State {
    var wake: (@Sendable () -> Void)?
    var isWatched = false
    var batch = Batch()
  }

  private let state = Mutex(State())

  package init() {}

  /// From any thread; never waits for a client.
  package func publish(_ event: Event) {
    let wake = state.withLock { state -> (@Sendable () -> Void)? in
      guard state.isWatched else { return nil }
      guard state.batch.events.count < Self.capacity else {
        state.batch.lost += 1
        return nil
      }
      state.batch.events.append((event, .now))
      return state.batch.events.count == 1 ? state.wake : nil
    }
    wake?()
  }

  func attach(wake: @escaping @Sendable () -> Void) {
    state.withLock { $0.wake = wake }
  }

  func setWatched(_ isWatched: Bool) {
    state.withLock { state in
      state.isWatched = isWatched
      if !isWatched { state.batch = Batch() }
    }
  }

  func take() -> Batch {
    state.withLock { state in
      defer { state.batch = Batch() }
      return state.batch
    }
  }
}
