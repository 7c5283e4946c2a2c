import Glibc
import StayposCore
import SystemPackage

/// A path as `unix(7)` takes it.
package struct UnixAddress: Sendable {
  /// Bytes, without the terminating NUL.
  package static let maximumLength = 107

  private let bytes: [UInt8]

  /// nil if the path is empty or too long.
  package init?(_ path: FilePath) {
    guard !path.isEmpty, path.length <= Self.maximumLength else { return nil }
    bytes = path.bytes
  }

  package func withSocketAddress<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}
