import Glibc
import StayposCore
import SystemPackage

extension FilePath {
  /// readlink(2)
  func readingSymbolicLink() throws(Errno) -> FilePath {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = withPlatformString { readlink($0, &buffer, buffer.count) }
    guard count > 0, let path = FilePath(bytes: buffer.prefix(count).map { UInt8(bitPattern: $0) }) else {
      throw Errno(rawValue: errno)
    }
    return path
  }
}
