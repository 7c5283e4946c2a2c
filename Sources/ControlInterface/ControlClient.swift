import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// A blocking connection to the daemon, one call at a time.
package struct ControlClient: ~Copyable {
  private let descriptor: Descriptor
  private let path: FilePath
  private var framer = VarlinkFramer(limit: 64 << 20)

  /// Connects.
  package init(socket path: FilePath) throws(ControlClientError) {
    descriptor = try Self.connected(to: path)
    self.path = path
  }

  private static func connected(to path: FilePath) throws(ControlClientError) -> Descriptor {
    guard let address = UnixAddress(path) else {
      throw ControlClientError(
        .unreachable, "\(path.escaped): a socket's path has at most \(UnixAddress.maximumLength) bytes")
    }
    let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else {
      throw ControlClientError(.unreachable, "cannot create a socket: \(Errno(rawValue: errno))")
    }
    let descriptor = Descriptor(owning: number)
    let status = address.withSocketAddress { connect(number, $0, $1) }
    guard status == 0 else {
      let cause = Errno(rawValue: errno)
      let advice =
        switch cause {
        case .noSuchFileOrDirectory: "is stayposd running? --socket or STAYPOS_SOCKET names another socket"
        case .connectionRefused: "stayposd is not running any more: start it"
        case .permissionDenied: "you may not connect to it: ask for membership in stayposd's group"
        default: "see stayposd's journal"
        }
      throw ControlClientError(.unreachable, "cannot reach stayposd at \(path.escaped): \(cause); \(advice)")
    }
    return descriptor
  }

  /// One call, one reply.
  package mutating func call<Reply: Codable>(
    _ method: ControlMethod, _ parameters: some Encodable = NoParameters(), replying type: Reply.Type
  ) throws(ControlClientError) -> Reply {
    try send(method, parameters, more: nil)
    return try receive(type).parameters
  }

  /// One call, any number of replies, in order, until `body` returns false or the daemon has sent the last.
  ///
  /// After a stream that `body` has ended, the connection serves no other call.
  package mutating func stream<Reply: Codable>(
    _ method: ControlMethod, _ parameters: some Encodable = NoParameters(), replying type: Reply.Type,
    _ body: (Reply) throws(ControlClientError) -> Bool
  ) throws(ControlClientError) {
    try send(method, parameters, more: true)
    while true {
      let reply = try receive(type)
      guard try body(reply.parameters), reply.continues == true else { return }
    }
  }

  private func send(
    _ method: ControlMethod, _ parameters: some Encodable, more: Bool?
  ) throws(ControlClientError) {
    let bytes: [UInt8]
    do {
      bytes = try VarlinkMessage.encode(
        VarlinkCall(method: method.qualifiedName, parameters: parameters, more: more))
    } catch {
      throw ControlClientError(.protocolViolation, "cannot write the call \(method.rawValue): \(error)")
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor.rawValue, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      if count < 0 {
        if errno == EINTR { continue }
        throw lost(Errno(rawValue: errno))
      }
      rest = rest.dropFirst(count)
    }
  }

  private mutating func receive<Reply: Codable>(
    _ type: Reply.Type
  ) throws(ControlClientError) -> VarlinkReply<Reply> {
    let message = try nextMessage()
    do {
      if try VarlinkMessage.decode(VarlinkReplyHeader.self, from: message).error != nil {
        let error = try VarlinkMessage.decode(VarlinkError.self, from: message)
        let failure = ControlFailure(error)
        throw ControlClientError(.failed, failure?.message ?? "stayposd answers with \(error.error)", failure: failure)
      }
      return try VarlinkMessage.decode(VarlinkReply<Reply>.self, from: message)
    } catch let error as ControlClientError {
      throw error
    } catch {
      throw ControlClientError(
        .protocolViolation, "the answer from \(path.escaped) is not understood (\(error)): is it stayposd's socket?")
    }
  }

  private mutating func nextMessage() throws(ControlClientError) -> [UInt8] {
    while true {
      do throws(VarlinkFramingError) {
        if let message = try framer.next() { return message }
      } catch {
        throw ControlClientError(.protocolViolation, "\(path.escaped): \(error)")
      }
      let chunk = try read()
      framer.append(chunk)
    }
  }

  private func read() throws(ControlClientError) -> [UInt8] {
    while true {
      var failure: CInt = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
        let received = recv(descriptor.rawValue, buffer.baseAddress, buffer.count, 0)
        failure = received < 0 ? errno : 0
        count = max(0, received)
      }
      if failure == EINTR { continue }
      if failure != 0 { throw lost(Errno(rawValue: failure)) }
      if chunk.isEmpty {
        throw ControlClientError(
          .unreachable, "stayposd closed the connection at \(path.escaped): it stopped, or it has too many clients")
      }
      return chunk
    }
  }

  private func lost(_ cause: Errno) -> ControlClientError {
    ControlClientError(.unreachable, "the connection to stayposd at \(path.escaped) broke: \(cause)")
  }
}
