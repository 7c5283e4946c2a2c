import CLinux
import Filesystem
import Glibc
import SystemPackage

/// One end of the connection between daemon and scorer: a Unix socket that keeps messages apart (SOCK_SEQPACKET).
package struct ScorerChannel: ~Copyable, Sendable {
  package let socket: Descriptor

  package init(_ socket: consuming Descriptor) {
    self.socket = socket
  }

  /// Two connected ends, both close-on-exec.
  package struct Pair: ~Copyable {
    package var ours: ScorerChannel
    package var theirs: ScorerChannel

    package init() throws(Errno) {
      var ends: [CInt] = [-1, -1]
      let type = CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
      guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw Errno(rawValue: errno) }
      ours = ScorerChannel(Descriptor(owning: ends[0]))
      theirs = ScorerChannel(Descriptor(owning: ends[1]))
    }
  }

  enum SendResult {
    case sent
    case peerGone
  }

  /// Never waits: a peer that leaves so much unread is broken.
  func send(_ message: some Encodable) throws(ScorerProtocolError) -> SendResult {
    try send(try ScorerProtocol.encode(message), attached: -1)
  }

  func send(
    _ message: some Encodable, attaching descriptor: borrowing Descriptor
  ) throws(ScorerProtocolError) -> SendResult {
    try send(try ScorerProtocol.encode(message), attached: descriptor.rawValue)
  }

  private func send(_ bytes: [UInt8], attached: CInt) throws(ScorerProtocolError) -> SendResult {
    if clinux_send_message(socket.rawValue, bytes, bytes.count, attached) >= 0 { return .sent }
    let error = Errno(rawValue: errno)
    guard error == .brokenPipe || error == .connectionReset else {
      throw ScorerProtocolError("cannot send a message: \(error)")
    }
    return .peerGone
  }

  /// Waits for a message that comes without a descriptor. nil if the peer is gone.
  func receive<Message: Decodable>(_: Message.Type) throws(ScorerProtocolError) -> Message? {
    guard let bytes = try receive(descriptor: nil) else { return nil }
    return try ScorerProtocol.decode(bytes)
  }

  /// Waits for a message that brings one descriptor. nil if the peer is gone.
  func receiveRequest() throws(ScorerProtocolError) -> ReceivedRequest? {
    var descriptor: CInt = -1
    guard let bytes = try receive(descriptor: &descriptor) else { return nil }
    guard descriptor >= 0 else { throw ScorerProtocolError("a request without an image") }
    let image = Descriptor(owning: descriptor)
    return ReceivedRequest(request: try ScorerProtocol.decode(bytes), image: image)
  }

  private func receive(descriptor: UnsafeMutablePointer<CInt>?) throws(ScorerProtocolError) -> [UInt8]? {
    var code: CInt = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: ScorerProtocol.maximumMessageSize) { buffer, count in
      let result = clinux_receive_message(socket.rawValue, buffer.baseAddress, buffer.count, descriptor)
      code = result < 0 ? errno : 0
      count = max(0, result)
    }
    switch code {
    case 0:
      // No message of the protocol is empty: this is the end.
      guard bytes.isEmpty else { return bytes }
      if let descriptor, descriptor.pointee >= 0 { _ = Glibc.close(descriptor.pointee) }
      return nil
    case ECONNRESET: return nil
    case EMSGSIZE: throw ScorerProtocolError("a message longer than \(ScorerProtocol.maximumMessageSize) bytes")
    case EBADMSG: throw ScorerProtocolError("a message with a descriptor too many")
    default: throw ScorerProtocolError("cannot receive a message: \(Errno(rawValue: code))")
    }
  }
}

struct ReceivedRequest: ~Copyable {
  var request: ScorerRequest
  var image: Descriptor
}
