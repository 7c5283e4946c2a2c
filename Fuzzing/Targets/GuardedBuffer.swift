import Glibc

/// Memory whose end is the end of what may be touched. libpng and libjpeg are the system's, without instrumentation: the
/// processor, not AddressSanitizer, sees them write too far.
enum GuardedBuffer {
  private static let page = Int(sysconf(CInt(_SC_PAGESIZE)))
  static let capacity = 1 << 20

  private static let end: Int = {
    let start = mmap(nil, capacity + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let start, start != MAP_FAILED, mprotect(start + capacity, page, PROT_NONE) == 0 else {
      fatalError("no memory for pixels")
    }
    return Int(bitPattern: start) + capacity
  }()

  /// The last `count` bytes, filled with `value`.
  static func bytes(_ count: Int, filledWith value: UInt8) -> UnsafeMutableBufferPointer<UInt8> {
    require(count <= capacity, "\(count) bytes")
    let buffer = UnsafeMutableBufferPointer(start: UnsafeMutablePointer<UInt8>(bitPattern: end - count), count: count)
    buffer.update(repeating: value)
    return buffer
  }
}
