import ControlInterface
import ControlServer
import Foundation
import StayposCore
import SystemPackage
import Testing

/// A served socket in a directory of its own.
final class Harness: Sendable {
  let directory: FilePath
  let socket: FilePath
  let service = FakeService()
  let feed = EventFeed()
  private let server: ControlServer

  init(limits: ConnectionLimits = ConnectionLimits(), adminGroup: gid_t? = nil) throws {
    directory = try Self.makeDirectory()
    socket = directory.appending("control.sock")
    server = try ControlServer(
      listener: ControlListener(path: socket), service: service, feed: feed,
      configuration: .init(version: "1.2", adminGroup: adminGroup, limits: limits))
  }

  deinit {
    server.stop()
    try? FileManager.default.removeItem(atPath: directory.string)
  }

  func stop() { server.stop() }

  /// Everybody may enter it.
  static func makeDirectory() throws -> FilePath {
    let path = FileManager.default.temporaryDirectory.appending(path: "staypos-control-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    chmod(path, 0o755)
    return FilePath(path)
  }

  func client() throws -> ControlClient { try ControlClient(socket: socket) }

  /// Descriptors of this process that are this server's sockets: the listening one, and one a connection.
  var openSockets: Int {
    (0..<4096).count { descriptor in
      var address = sockaddr_un()
      var length = socklen_t(MemoryLayout<sockaddr_un>.size)
      let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(CInt(descriptor), $0, &length) }
      }
      guard status == 0, address.sun_family == sa_family_t(AF_UNIX) else { return false }
      return withUnsafeBytes(of: &address.sun_path) { $0.prefix { $0 != 0 }.elementsEqual(socket.string.utf8) }
    }
  }

  /// The top of the source tree.
  static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Beside the test runner's executable.
  static let control: String = {
    let runner = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: runner).deletingLastPathComponent().appending(path: "staypos-ctl").path
  }()

  struct Finished {
    var status: CInt
    var output: String
    var errors: String

    var lines: [Substring] { output.split(separator: "\n") }
  }

  /// Runs a program to its end.
  func run(_ program: String, _ arguments: [String]) throws -> Finished {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment
    environment["STAYPOS_SOCKET"] = socket.string
    environment["NO_COLOR"] = nil
    process.environment = environment
    let (output, errors) = (directory.appending("output-\(UUID())"), directory.appending("errors-\(UUID())"))
    for path in [output, errors] { _ = FileManager.default.createFile(atPath: path.string, contents: nil) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output.string))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: errors.string))
    try process.run()
    process.waitUntilExit()
    return Finished(
      status: process.terminationStatus, output: try String(contentsOfFile: output.string, encoding: .utf8),
      errors: try String(contentsOfFile: errors.string, encoding: .utf8))
  }

  func control(_ arguments: String...) throws -> Finished { try run(Self.control, arguments) }
}

/// A client's socket without a client behind it.
final class RawClient {
  let descriptor: CInt

  init(_ harness: Harness) throws {
    descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    try #require(descriptor >= 0)
    let address = try #require(UnixAddress(harness.socket))
    let status = address.withSocketAddress { connect(descriptor, $0, $1) }
    try #require(status == 0)
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count
  }

  /// The next bytes; empty at the end of the conversation, nil if nothing comes in time.
  func read(_ count: Int = 1 << 16) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: count)
    let received = recv(descriptor, &buffer, buffer.count, 0)
    if received < 0 { return errno == ECONNRESET || errno == EPIPE ? [] : nil }
    return Array(buffer[..<received])
  }

  /// Whole replies.
  func replies(_ count: Int) throws -> [String] {
    var framer = VarlinkFramer()
    var found: [String] = []
    while found.count < count {
      while let message = try framer.next() { found.append(String(decoding: message, as: UTF8.self)) }
      if found.count >= count { break }
      let bytes = try #require(read())
      try #require(!bytes.isEmpty, "the server has closed after \(found)")
      framer.append(bytes)
    }
    return found
  }
}

/// Waits for a condition that something else brings about.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(20)
  while !condition() {
    if ContinuousClock.now > deadline { return false }
    usleep(2000)
  }
  return true
}
