import Glibc
import SystemPackage

extension Descriptor {
  /// Everything from the first byte, with pread(2): the file position stays.
  ///
  /// - Parameter limit: bytes; a longer file fails with `too-large` before more than that is held.
  package func readAll(limit: Int) throws(FilesystemError) -> [UInt8] {
    var content: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { chunk.deallocate() }
    while true {
      let count = try systemCall { pread(rawValue, chunk.baseAddress, chunk.count, off_t(content.count)) }
        .orThrow("read")
      if count == 0 { return content }
      guard content.count + count <= limit else { throw FilesystemError(.tooLarge, operation: "read the whole file") }
      content.append(contentsOf: chunk[..<count])
    }
  }

  /// At the file position, however many calls it takes.
  package func writeAll(_ bytes: some Sequence<UInt8>) throws(FilesystemError) {
    let content = ContiguousArray(bytes)
    var written = 0
    while written < content.count {
      written += try content.withUnsafeBytes { buffer in
        systemCall { write(rawValue, buffer.baseAddress?.advanced(by: written), buffer.count - written) }
      }.orThrow("write")
    }
  }

  /// fsync(2): content and metadata are on the disk.
  package func sync() throws(FilesystemError) {
    try systemCall { fsync(rawValue) }.orThrow("sync")
  }
}
