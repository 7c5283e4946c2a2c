import Glibc

/// Sole owner of memory on a cache-line boundary, not zeroed; large ones in huge pages where the kernel has them.
final class AlignedBuffer {
  let address: UnsafeMutableRawPointer
  /// Bytes.
  let size: Int

  private static let hugePage = 2 << 20

  init(size: Int) throws(NetworkError) {
    var address: UnsafeMutableRawPointer?
    let isLarge = size >= 4 * Self.hugePage
    guard posix_memalign(&address, isLarge ? Self.hugePage : 64, max(size, 64)) == 0, let address else {
      throw NetworkError(.outOfMemory, "not enough memory: \(size >> 20) MiB for the network's tensors")
    }
    // A gigabyte is a quarter of a million page faults otherwise. Only advice: failure changes nothing.
    if isLarge { madvise(address, size, MADV_HUGEPAGE) }
    self.address = address
    self.size = size
  }

  convenience init(copying floats: [Float]) throws(NetworkError) {
    try self.init(size: floats.count * MemoryLayout<Float>.stride)
    floats.withUnsafeBytes { source in
      UnsafeMutableRawBufferPointer(start: address, count: source.count).copyMemory(from: source)
    }
  }

  deinit {
    free(address)
  }
}
