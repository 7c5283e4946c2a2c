import CLinux
import Glibc
import SystemPackage

extension Descriptor {
  /// Copies the bytes from the start of this file to the start of `target`, inside the kernel where both file systems
  /// allow it. File positions stay. Holes may be filled.
  ///
  /// - Parameter limit: bytes. Who appends for ever keeps nobody here for ever.
  /// - Returns: bytes copied, up to the limit or the end of this file as it was when it was reached.
  package func copyContent(to target: borrowing Descriptor, limit: Int64) throws(FilesystemError) -> Int64 {
    let (source, destination) = (rawValue, target.rawValue)
    var offset: off_t = 0
    while offset < limit {
      let size = Int(min(1 << 24, limit - Int64(offset)))
      switch systemCall({ clinux_copy_file_range(source, offset, destination, offset, size) }) {
      // Some file systems (procfs and kernels before 5.19) answer 0 for a file that has bytes.
      case .success(0) where offset == 0: return try copyThroughMemory(to: target, from: 0, limit: limit)
      case .success(0): return Int64(offset)
      case .success(let count): offset += off_t(count)
      case .failure(let errno):
        switch errno.rawValue {
        case EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM:
          return try copyThroughMemory(to: target, from: Int64(offset), limit: limit)
        default: throw FilesystemError(errno: errno, operation: "copy")
        }
      }
    }
    return Int64(offset)
  }

  /// With pread(2) and pwrite(2), which may be short.
  package func copyThroughMemory(
    to target: borrowing Descriptor, from start: Int64, limit: Int64
  ) throws(FilesystemError) -> Int64 {
    let (source, destination) = (rawValue, target.rawValue)
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
    defer { chunk.deallocate() }
    var offset = off_t(start)
    while offset < limit {
      let size = Int(min(Int64(chunk.count), limit - Int64(offset)))
      let count = try systemCall { pread(source, chunk.baseAddress, size, offset) }.orThrow("copy: read")
      if count == 0 { return Int64(offset) }
      var written = 0
      while written < count {
        written += try systemCall {
          pwrite(destination, chunk.baseAddress?.advanced(by: written), count - written, offset + off_t(written))
        }.orThrow("copy: write")
      }
      offset += off_t(count)
    }
    return Int64(offset)
  }
}
