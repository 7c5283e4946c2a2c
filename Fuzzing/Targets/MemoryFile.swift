import Glibc

/// A regular file without a name that holds one input after the other: what is opened by descriptor is fuzzed by descriptor.
enum MemoryFile {
  static let descriptor: CInt = {
    var name = Array("/dev/shm/staypos-fuzz.XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    require(descriptor >= 0 && unlink(name) == 0, "no file in memory")
    return descriptor
  }()

  /// - Returns: the descriptor, which stays this type's.
  static func holding(_ input: [UInt8]) -> CInt {
    require(
      ftruncate(descriptor, 0) == 0 && pwrite(descriptor, input, input.count, 0) == input.count,
      "cannot write the input")
    return descriptor
  }
}
