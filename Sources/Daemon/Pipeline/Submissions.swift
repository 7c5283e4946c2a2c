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

  /// - Parameter path: where the file was queued; by the time of its verdict it may have another.
  func complete(_ entry: HistoryEntry, queuedAs path: FilePath) {
    for waiter in take(path) { waiter.complete(entry) }
    for waiter in take(entry.path) { waiter.complete(entry) }
  }

  /// A directory was renamed: who waits for a file below it waits for it under its new name too. One that is in work
  /// still has its old one; whoever is answered already takes no second answer.
  func rename(from old: FilePath, to new: FilePath) {
    waiting.withLock { waiting in
      for path in waiting.keys where path != old {
        var moved = path
        guard moved.removePrefix(old), let waiters = waiting[path] else { continue }
        waiting[new.appending(moved.components), default: []] += waiters
      }
    }
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
