import ControlInterface
import Filesystem
import Glibc
import StayposCore
import Synchronization
import Threading

@testable import ControlServer

extension FuzzTarget {
  /// The input is what a client sends, in two parts and at once: the same calls, and to each the replies of a daemon.
  static let varlink = FuzzTarget("varlink") { input in
    var whole: [[UInt8]] = []
    let ends = converse(input[...]) { whole.append($0) }
    var parts: [[UInt8]] = []
    let cut = Int(input.first ?? 0) % (input.count + 1)
    var connection = Conversation()
    _ = connection.take(input[..<cut]) { parts.append($0) }
    require(connection.take(input[cut...]) { parts.append($0) } == ends && parts == whole, "cut at \(cut): other calls")
    for call in whole { answer(call) }
    return !whole.isEmpty
  }
}

private func converse(_ bytes: ArraySlice<UInt8>, _ call: ([UInt8]) -> Void) -> Bool {
  var connection = Conversation()
  return connection.take(bytes, call)
}

private struct Conversation {
  private static let limits = {
    var limits = ConnectionLimits()
    limits.messageBytes = 1 << 10
    return limits
  }()

  private let now = ContinuousClock.now
  private var state: ConnectionState
  private var isCutOff = false

  init() {
    state = ConnectionState(limits: Self.limits, now: now)
  }

  /// Returns whether the client has been cut off.
  mutating func take(_ bytes: ArraySlice<UInt8>, _ call: ([UInt8]) -> Void) -> Bool {
    guard !isCutOff else { return true }
    state.received(bytes, now: now)
    do {
      try state.findCall()
      while let next = state.takeCall() {
        call(next)
        try state.findCall()
      }
    } catch {
      isCutOff = true
    }
    return isCutOff
  }
}

/// Ours, who may do everything.
private let access: Access = {
  var ends: [CInt] = [-1, -1]
  require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0, "no socket")
  guard let access = Access(of: ends[0], adminGroup: nil) else { fatalError("a peer without credentials") }
  return access
}()

private func answer(_ call: [UInt8]) {
  let service = FakeService()
  let dispatcher = CallDispatcher(service: service, version: "1", denied: { _ in })
  guard let header = try? dispatcher.header(of: call) else { return }
  switch dispatcher.outcome(of: header, message: call, from: access) {
  case .reply(let reply): check(reply)
  case .pages(let next):
    while true {
      let (reply, isLast) = next()
      if let reply { check(reply) } else { require(!isLast, "a list without an end") }
      if isLast { break }
    }
  case .monitor: break
  case .later(_, let work):
    let replies = Mutex(0)
    work { reply in
      check(reply)
      replies.withLock { $0 += 1 }
    }
    for waiter in service.state.read({ $0.waiters }) { waiter.fail(.refused("the daemon stops")) }
    require(replies.withLock { $0 } == 1, "not exactly one reply")
  }
}

private func check(_ reply: [UInt8]) {
  require(reply.last == 0 && reply.firstIndex(of: 0) == reply.count - 1, "a reply that is not one message")
  require((try? VarlinkMessage.decode(VarlinkReplyHeader.self, from: reply.dropLast())) != nil, "a reply that is none")
}
