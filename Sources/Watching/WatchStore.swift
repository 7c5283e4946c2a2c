import Filesystem

/// Keeps descriptors for the next process of the service: systemd's file descriptor store, for example.
///
/// What it does not get, or loses, costs nothing but the scan at the next start.
package protocol WatchStore: Sendable {
  /// What an earlier process has left; once each.
  func take(_ part: KeptPart) -> Descriptor?
  /// Takes the place of what is kept under that name.
  func keep(_ descriptor: borrowing Descriptor, as part: KeptPart)
  func discard(_ part: KeptPart)
}

/// The raw value is the name in the store.
package enum KeptPart: String, Sendable, CaseIterable {
  /// The inotify(7) instance: as long as somebody holds it, the kernel notes what happens in its directories.
  case queue = "watch-queue"
  /// A ``WatchMap``: which directory is which in the queue.
  case map = "watch-map"
}

/// How a watcher began.
package enum WatchStart: Sendable, Equatable {
  /// Nobody was there before.
  case fresh
  /// It reads on where an earlier process stopped, and knows so many of its directories.
  case resumed(directories: Int)
  /// What an earlier process has left is of no use, and why. What happened meanwhile is found by the scan.
  case refused(String)
}
