import ControlInterface
import StayposCore
import Synchronization

/// A client that waits for the verdict on the file it has submitted.
///
/// Settled once; later calls, and calls after the client has gone, do nothing.
package final class SubmissionWaiter: Sendable {
  private let settle: Mutex<(@Sendable (Result<HistoryEntry, ControlFailure>) -> Void)?>

  package init(_ settle: @escaping @Sendable (Result<HistoryEntry, ControlFailure>) -> Void) {
    self.settle = Mutex(settle)
  }

  package func complete(_ entry: HistoryEntry) { finish(.success(entry)) }

  package func fail(_ failure: ControlFailure) { finish(.failure(failure)) }

  private func finish(_ result: Result<HistoryEntry, ControlFailure>) {
    let settle = settle.withLock { current in
      defer { current = nil }
      return current
    }
    settle?(result)
  }
}
