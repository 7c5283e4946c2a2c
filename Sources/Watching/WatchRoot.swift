import StayposCore
import SystemPackage

/// A directory whose images are to be scored.
package struct WatchRoot: Sendable, Hashable {
  /// Absolute, without symbolic links: staypos follows none.
  package var path: FilePath
  package var recursive: Bool
  /// fnmatch(3) patterns on the file name, case of ASCII letters ignored; empty: every name.
  package var include: [String]
  /// How long a file must be left alone before it counts as complete.
  package var settle: Duration

  package init(
    path: FilePath, recursive: Bool = true, include: [String] = [], settle: Duration = .milliseconds(500)
  ) {
    self.path = path
    self.recursive = recursive
    self.include = include
    self.settle = settle
  }
}

/// A regular file under a root that nobody writes to any more.
package struct SettledFile: Sendable, Hashable {
  package var path: FilePath
  /// The path of the root that admitted it.
  package var root: FilePath
  /// When it had settled; what is found under the path later may be another file.
  package var identity: FileIdentity
  package var priority: QueuePriority

  package init(path: FilePath, root: FilePath, identity: FileIdentity, priority: QueuePriority) {
    self.path = path
    self.root = root
    self.identity = identity
    self.priority = priority
  }
}
