import Foundation
import Glibc
import SystemPackage

/// Speaks Varlink with what the tests have at hand: a socket and Foundation's JSON. Cheap enough to ask again and again.
final class ControlConnection {
  /// An error reply.
  struct Refusal: Error, Equatable {
    /// Qualified.
    var name: String
    var message: String?
  }

  private let descriptor: CInt
  private var received: [UInt8] = []

  /// - Throws: an `Errno` if nobody listens.
  init(_ path: FilePath) throws {
    descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.string.utf8.prefix($0.count - 1)) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else { throw Errno(rawValue: errno) }
    var deadline = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &deadline, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit {
    close(descriptor)
  }

  /// - Parameter method: without the interface.
  func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
    try send(["method": "io.staypos.Control.\(method)", "parameters": parameters])
    return try next()
  }

  /// A call with many replies.
  /// - Returns: the first; ``next()`` has the others.
  func begin(_ method: String) throws -> [String: Any] {
    try send(["method": "io.staypos.Control.\(method)", "more": true])
    return try next()
  }

  /// A call whose reply nobody waits for.
  func post(_ method: String, _ parameters: [String: Any] = [:]) throws {
    try send(["method": "io.staypos.Control.\(method)", "parameters": parameters])
  }

  private func send(_ call: [String: Any]) throws {
    let bytes = try Array(JSONSerialization.data(withJSONObject: call)) + [0]
    guard Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else {
      throw Errno(rawValue: errno)
    }
  }

  /// Waits for a reply.
  func next() throws -> [String: Any] {
    let reply = try JSONSerialization.jsonObject(with: Data(nextMessage())) as? [String: Any] ?? [:]
    let result = reply["parameters"] as? [String: Any] ?? [:]
    if let error = reply["error"] as? String { throw Refusal(name: error, message: result["message"] as? String) }
    return result
  }

  private func nextMessage() throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      if let end = received.firstIndex(of: 0) {
        defer { received.removeFirst(end + 1) }
        return Array(received[..<end])
      }
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { throw count == 0 ? Errno.connectionReset : Errno(rawValue: errno) }
      received += buffer[..<count]
    }
  }
}
