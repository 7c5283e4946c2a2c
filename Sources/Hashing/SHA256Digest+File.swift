import Glibc
import StayposCore
import SystemPackage

extension SHA256Digest {
  /// The digest of an open file from its first byte to its end, read with `pread(2)`: the file position stays.
  package init(contentsOf descriptor: CInt) throws(Errno) {
    var hash = SHA256()
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { chunk.deallocate() }
    var offset: off_t = 0
    while true {
      let count = pread(descriptor, chunk.baseAddress, chunk.count, offset)
      if count < 0 {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      if count == 0 { break }
      hash.update(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
      offset += off_t(count)
    }
    self = hash.finalize()
  }
}
