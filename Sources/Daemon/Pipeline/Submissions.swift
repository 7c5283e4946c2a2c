import ControlInterface
import ControlServer
import StayposCore
import Synchronization
import SystemPackage

/// Clients that wait for the verdict on a path (`staypos-ctl submit --wait`).
final class Submissions: Sendable {
  private let waiting = Mutex<[FilePath: [SubmissionWaiter]]>([:])

  /// Register before the file is queued: its verdict may come at once.
  func add(_ waiter: SubmissionWaiter, for path: FilePath) {
    waiting.withLock { $0[path, default: []].append(waiter) }
  }

  func complete(_ entry: HistoryEntry) {
    for waiter in take(entry.path) { waiter.complete(entry) }
  }

  func fail(_ path: FilePath, _ message: String) {
    for waiter in take(path) { waiter.fail(.refused(message)) }
  }

  func failAll(_ message: String) {
    let paths = waiting.withLock { Array($0.keys) }
    for path in paths { fail(path, message) }
  }

  private func take(_ path: FilePath) -> [SubmissionWaiter] {
    waiting.withLock { $0.removeValue(forKey: path) ?? [] }
  }
}
