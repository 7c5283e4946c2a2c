import Glibc

/// Sole owner of memory on a cache-line boundary, not zeroed.
final class AlignedBuffer {
  let address: UnsafeMutableRawPointer
  /// Bytes.
  let size: Int

  init(size: Int) throws(NetworkError) {
    var address: UnsafeMutableRawPointer?
    guard posix_memalign(&address, 64, max(size, 64)) == 0, let address else {
      throw NetworkError(.outOfMemory, "not enough memory: \(size >> 20) MiB for the network's tensors")
    }
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
