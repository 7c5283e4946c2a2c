import StayposCore
import SystemPackage

/// Decides by name whether a file or directory is staypos's business. The kind of a file is decided when it is probed.
package struct Admission: Sendable {
  private let excluded: [FilePath]

  /// - Parameter excluded: directories that are never entered: the quarantine, the state directory.
  package init(excluding excluded: [FilePath]) {
    self.excluded = excluded.map { $0.lexicallyNormalized() }
  }

  package func isExcluded(_ path: FilePath) -> Bool {
    excluded.contains { path.starts(with: $0) }
  }

  /// The first root whose patterns take the name.
  package func root(for name: FilePath.Component, among roots: [WatchRoot]) -> WatchRoot? {
    roots.first { $0.takes(name) }
  }
}
