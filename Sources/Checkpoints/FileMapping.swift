import Glibc
import SystemPackage

/// A whole regular file, mapped read-only and private.
///
/// Writes of other processes into the file may or may not show, and if the file is made shorter while it is mapped, the
/// kernel answers the next access behind its new end with SIGBUS, which nothing in the process can turn into an error.
/// Model files therefore have to be replaced (written beside and renamed, as ``SafetensorsWriter`` does), never
/// rewritten in place; the daemon's model belongs to root.
///
/// Sendable without a check by the compiler: the memory is never written and lives as long as the owner.
struct FileMapping: ~Copyable, @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer

  /// - Parameter descriptor: open for reading; borrowed, and may be closed afterwards.
  init(descriptor: CInt) throws(CheckpointError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CheckpointError(.system, "cannot examine the file", errno: Errno(rawValue: errno))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(.notARegularFile, "is not a regular file")
    }
    guard status.st_size > 0 else {
      // mmap(2) refuses a length of 0.
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let size = Int(status.st_size)
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw CheckpointError(.system, "cannot map the file into memory", errno: Errno(rawValue: errno))
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
  }
}
