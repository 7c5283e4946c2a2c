import CLinux
import Glibc
import SystemPackage

package struct DirectoryEntry: Hashable, Sendable {
  /// Byte-exact.
  package var name: FilePath.Component
  /// `unknown` where the file system does not tell without a stat.
  package var kind: FileKind
  package var inode: UInt64
}

/// Reads the names of a directory one by one (readdir(3)), without `.` and `..`.
package struct DirectoryStream: ~Copyable {
  private let stream: OpaquePointer
  private let path: FilePath

  package init(_ directory: borrowing Directory) throws(FilesystemError) {
    let parent = directory.descriptor.rawValue
    // A second open file description: the position belongs to this stream alone.
    let flags = O_RDONLY | CLINUX_O_DIRECTORY | CLINUX_O_CLOEXEC
    let descriptor = try systemCall { openat(parent, ".", flags) }.orThrow("read the directory", directory.path)
    guard let stream = fdopendir(descriptor) else {
      let code = Errno(rawValue: errno)
      close(descriptor)
      throw FilesystemError(errno: code, operation: "read the directory", path: directory.path)
    }
    self.stream = stream
    path = directory.path
  }

  deinit {
    closedir(stream)
  }

  /// nil at the end.
  package mutating func next() throws(FilesystemError) -> DirectoryEntry? {
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        let code = errno
        if code == 0 { return nil }
        throw FilesystemError(errno: Errno(rawValue: code), operation: "read the directory", path: path)
      }
      let name = UnsafeRawPointer(entry)
        .advanced(by: MemoryLayout<dirent>.offset(of: \.d_name)!)
        .assumingMemoryBound(to: CChar.self)
      guard let component = FilePath.Component(platformString: name), component.kind == .regular else { continue }
      return DirectoryEntry(
        name: component, kind: FileKind(directoryType: entry.pointee.d_type), inode: UInt64(entry.pointee.d_ino))
    }
  }
}
