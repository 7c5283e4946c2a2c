import Glibc

/// Sole owner of memory on a cache-line boundary; large ones in huge pages where the kernel has them.
final class AlignedBuffer {
  let address: UnsafeMutableRawPointer
  /// Bytes.
  let size: Int
  private let isMapped: Bool

  /// Bytes from which on memory is the kernel's own: it goes back at once, and leaves no hole in the heap where weights
  /// lay before they were brought into oneDNN's order.
  private static let mappedSize = 128 << 10
  private static let hugeSize = 8 << 20

  init(size: Int) throws(NetworkError) {
    isMapped = size >= Self.mappedSize
    var address: UnsafeMutableRawPointer?
    if isMapped {
      address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      if address == MAP_FAILED { address = nil }
    } else if posix_memalign(&address, 64, max(size, 64)) != 0 {
      address = nil
    }
    guard let address else {
      throw NetworkError(.outOfMemory, "not enough memory: \(size >> 20) MiB for the network's tensors")
    }
    // Fewer page faults. Only advice: failure changes nothing.
    if size >= Self.hugeSize { madvise(address, size, MADV_HUGEPAGE) }
    self.address = address
    self.size = size
  }

  convenience init<Value: BitwiseCopyable>(copying values: [Value]) throws(NetworkError) {
    try self.init(size: values.count * MemoryLayout<Value>.stride)
    values.withUnsafeBytes { source in
      UnsafeMutableRawBufferPointer(start: address, count: source.count).copyMemory(from: source)
    }
  }

  deinit {
    if isMapped { munmap(address, size) } else { free(address) }
  }
}
