import StayposCore
import SystemPackage

/// Decides whether a file or directory is staypos's business: files by their name, directories by their path and by what
/// they are. The kind of a file is decided when it is probed.
package struct Admission: Sendable {
  private let excluded: [FilePath]
  private let own: [FileIdentity]

  /// - Parameters:
  ///   - excluded: directories that are never entered: the quarantine, the state directory.
  ///   - identities: of these directories, which are known by them wherever they are renamed to or mounted.
  package init(excluding excluded: [FilePath], identities: [FileIdentity] = []) {
    self.excluded = excluded.map { $0.lexicallyNormalized() }
    own = identities
  }

  package func isExcluded(_ path: FilePath) -> Bool {
    excluded.contains { path.starts(with: $0) }
  }

  package func isExcluded(_ directory: FileIdentity) -> Bool {
    own.contains { $0.isSameFile(as: directory) }
  }

  /// The first root whose patterns take the name.
  package func root(for name: FilePath.Component, among roots: [WatchRoot]) -> WatchRoot? {
    roots.first { $0.takes(name) }
  }
}
