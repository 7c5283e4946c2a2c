import Checkpoints
import Glibc
import SystemPackage

/// A file without a name, gone with its descriptor.
struct UnnamedFile: ~Copyable {
  let descriptor: CInt

  init(_ bytes: [UInt8]) throws {
    var template = Array("/tmp/staypos-checkpoints.XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    unlink(template)
    try FileDescriptor(rawValue: descriptor).writeAll(bytes)
  }

  deinit {
    close(descriptor)
  }
}

/// Reads these bytes as a file.
func safetensors(_ bytes: [UInt8]) throws -> SafetensorsFile {
  let file = try UnnamedFile(bytes)
  return try SafetensorsFile(descriptor: file.descriptor)
}

/// A file with this header and so many zero bytes behind it.
func safetensors(header: String, data: Int = 0) throws -> SafetensorsFile {
  let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
  return try safetensors(length + Array(header.utf8) + Array(repeating: 0, count: data))
}
