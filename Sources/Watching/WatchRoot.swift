import CLinux
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

  /// Whether a file of this name is to be looked at.
  func takes(_ name: FilePath.Component) -> Bool {
    include.isEmpty || name.withPlatformString { name in include.contains { clinux_matches($0, name) } }
  }

  /// Whether a file under this path is to be looked at. Both paths are as ``normalized(_:)`` makes them.
  package func takes(_ file: FilePath) -> Bool {
    guard let name = file.lastComponent, takes(name) else { return false }
    let directory = file.removingLastComponent()
    return recursive ? directory.starts(with: path) : directory == path
  }

  /// Without `.` and `..`: there are no symbolic links in it that they could go astray by.
  package static func normalized(_ root: WatchRoot) -> WatchRoot {
    var root = root
    root.path.lexicallyNormalize()
    return root
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
