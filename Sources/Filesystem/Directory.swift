import CLinux
import Glibc
import StayposCore
import SystemPackage

/// An open directory. Names in it are taken relative to the descriptor, so nobody can swap a parent for a symbolic link.
package struct Directory: ~Copyable, Sendable {
  package let descriptor: Descriptor
  /// Where it was when it was opened; for messages and for building longer paths.
  package let path: FilePath

  /// No component of the path may be a symbolic link.
  package init(opening path: FilePath) throws(FilesystemError) {
    descriptor = try Descriptor.open(path, .directory)
    self.path = path
  }

  /// - Parameter name: a directory in `parent`; a symbolic link is refused.
  package init(opening name: FilePath.Component, in parent: borrowing Directory) throws(FilesystemError) {
    descriptor = try parent.open(name, .directory)
    path = parent.path.appending(name)
  }

  /// - Parameter name: refused if it is a symbolic link.
  package func open(_ name: FilePath.Component, _ mode: OpenMode) throws(FilesystemError) -> Descriptor {
    try Descriptor.open(
      FilePath(root: nil, [name]), at: descriptor.rawValue, mode, describedBy: path.appending(name))
  }

  /// Of the name itself, also if it is a symbolic link.
  package func status(of name: FilePath.Component) throws(FilesystemError) -> FileStatus {
    var status = clinux_status()
    try name.withPlatformString { pointer in
      systemCall { clinux_statx(descriptor.rawValue, pointer, &status) }
    }.orThrow("read the status", path.appending(name))
    return FileStatus(status)
  }

  /// Makes changes of names durable (fsync(2) on the directory).
  package func sync() throws(FilesystemError) {
    let result = systemCall { fsync(descriptor.rawValue) }
    // Some FUSE and network file systems cannot sync directories and say so.
    if case .failure(Errno(rawValue: EINVAL)) = result { return }
    try result.orThrow("sync the directory", path)
  }
}

/// A name in an open directory: what a path means at one moment, safe to act on.
package struct FileLocation: ~Copyable, Sendable {
  package let directory: Directory
  package let name: FilePath.Component

  /// Opens the parent of a path without following any symbolic link.
  package init(_ path: FilePath) throws(FilesystemError) {
    guard let last = path.lastComponent, last.kind == .regular else {
      throw FilesystemError(.unsupported, operation: "find a file name in the path", path: path)
    }
    let parent = path.removingLastComponent()
    directory = try Directory(opening: parent.isEmpty ? "." : parent)
    name = last
  }
}
