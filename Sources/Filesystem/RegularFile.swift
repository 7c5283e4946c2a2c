import CLinux
import Glibc
import StayposCore
import SystemPackage

/// An open regular file and what it was when it was opened.
package struct RegularFile: ~Copyable, Sendable {
  package let descriptor: Descriptor
  package let status: FileStatus

  /// Opens for reading. First only a handle, whose kind is checked, then that very inode: neither a FIFO nor a device
  /// is ever opened, whatever is swapped in between. No component of the path may be a symbolic link.
  ///
  /// - Throws: `wrong-kind` for anything that is not a regular file.
  package init(opening path: FilePath) throws(FilesystemError) {
    try self.init(handle: Descriptor.open(path, .handle), path: path)
  }

  /// - Parameter name: in `directory`.
  package init(opening name: FilePath.Component, in directory: borrowing Directory) throws(FilesystemError) {
    try self.init(handle: directory.open(name, .handle), path: directory.path.appending(name))
  }

  private init(handle: consuming Descriptor, path: @autoclosure () -> FilePath) throws(FilesystemError) {
    let status = try handle.status()
    guard status.kind == .regular else {
      throw FilesystemError(.wrongKind, operation: "open as a regular file", path: path())
    }
    descriptor = try handle.reopenedForReading(path: path())
    self.status = status
  }
}

extension Descriptor {
  /// The same inode as this handle (``OpenMode/handle``), open for reading. The caller has checked its kind.
  ///
  /// - Parameter path: for the error.
  package func reopenedForReading(path: @autoclosure () -> FilePath) throws(FilesystemError) -> Descriptor {
    let link = "/proc/self/fd/\(rawValue)"
    let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | CLINUX_O_CLOEXEC
    return Descriptor(owning: try systemCall { Glibc.open(link, flags) }.orThrow("open for reading", path()))
  }
}
