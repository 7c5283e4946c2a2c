import Synchronization
import SystemPackage

/// Paths that a restore is about to fill: what appears there is not an upload, and is left alone until the restore has
/// written down that the file is known.
final class Restorations: Sendable {
  private let targets = Mutex<[FilePath: Int]>([:])

  func begin(_ path: FilePath) {
    targets.withLock { $0[path, default: 0] += 1 }
  }

  func end(_ path: FilePath) {
    targets.withLock { targets in
      targets[path, default: 0] -= 1
      if targets[path] == 0 { targets[path] = nil }
    }
  }

  func contains(_ path: FilePath) -> Bool {
    targets.withLock { $0[path] != nil }
  }
}
