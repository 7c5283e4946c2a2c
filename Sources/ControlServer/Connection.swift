import Filesystem
import Glibc
import SystemPackage

/// One client's socket and where its conversation stands. Lives on the control thread.
final class Connection {
  let id: Int
  let access: Access
  var state: ConnectionState
  /// Set while ``ConnectionState/Phase/streaming``.
  var pages: PageSource?
  /// When it was last served, or came, counted in steps.
  var lastStep = 0
  private let descriptor: Descriptor

  init(id: Int, descriptor: consuming Descriptor, access: Access, state: ConnectionState) {
    self.id = id
    self.descriptor = descriptor
    self.access = access
    self.state = state
  }

  /// There is a call to answer, or the next page to send.
  var isReady: Bool { state.call != nil || pages != nil && state.unsent.isEmpty }

  var pollRequest: pollfd {
    var events: CInt = 0
    if state.wantsInput { events |= CInt(POLLIN) }
    if !state.unsent.isEmpty { events |= CInt(POLLOUT) }
    return pollfd(fd: descriptor.rawValue, events: Int16(events), revents: 0)
  }

  /// Reads one piece. False: the client is gone.
  func receive(into chunk: UnsafeMutableRawBufferPointer, now: ContinuousClock.Instant) -> Bool {
    let count = recv(descriptor.rawValue, chunk.baseAddress, chunk.count, 0)
    if count > 0 {
      state.received(UnsafeRawBufferPointer(rebasing: chunk[..<count]), now: now)
    } else if count == 0 {
      state.inputEnded()
    } else {
      return errno == EAGAIN || errno == EINTR
    }
    return true
  }

  /// Sends what the socket takes. False: the client is gone.
  func send(now: ContinuousClock.Instant) -> Bool {
    while !state.unsent.isEmpty {
      let count = state.unsent.withUnsafeBytes {
        Glibc.send(descriptor.rawValue, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN
      }
      state.sent(count, now: now)
    }
    return true
  }
}
