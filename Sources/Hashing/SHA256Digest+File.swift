import Glibc
import StayposCore
import SystemPackage

extension SHA256Digest {
  /// The digest of an open file from its first byte to its end, read with `pread(2)`: the file position stays.
  package init(contentsOf descriptor: CInt) throws(Errno) {
    self = try Self.read(descriptor, limit: .max).digest
  }

  /// The same of a file to which others may append for ever: nil if it has not just `size` bytes, and it is read no
  /// further than that.
  package init?(contentsOf descriptor: CInt, ofSize size: Int64) throws(Errno) {
    // One more tells of a longer file; there is no length beyond the largest.
    let (digest, length) = try Self.read(descriptor, limit: max(size, size &+ 1))
    guard length == size else { return nil }
    self = digest
  }

  private static func read(
    _ descriptor: CInt, limit: Int64
  ) throws(Errno) -> (digest: SHA256Digest, length: Int64) {
    var hash = SHA256()
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { chunk.deallocate() }
    var offset: Int64 = 0
    while offset < limit {
      let size = Int(min(Int64(chunk.count), limit - offset))
      let count = pread(descriptor, chunk.baseAddress, size, off_t(offset))
      if count < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      if count == 0 { break }
      hash.update(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
      offset += Int64(count)
    }
    return (hash.finalize(), offset)
  }
}
