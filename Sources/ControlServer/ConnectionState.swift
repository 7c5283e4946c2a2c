import ControlInterface

/// One client's connection without its socket: bytes in, calls out; replies in, bytes out. Pure; time comes from outside.
struct ConnectionState {
  enum Phase: Equatable {
    /// The next call may come.
    case idle
    /// Somebody else works on the call.
    case waiting
    /// Pages of a list follow as the client reads them.
    case streaming
    /// Events follow for as long as the client stays.
    case monitoring
  }

  private let limits: ConnectionLimits
  private var framer: VarlinkFramer
  private var output: [UInt8] = []
  /// Bytes of `output` that are sent.
  private var sent = 0
  private var isInputClosed = false
  private var lost = 0
  /// Complete, and waits for its turn.
  private(set) var call: [UInt8]?

  private(set) var phase = Phase.idle
  /// When the present wait began: for a call, for the end of a call, for the client to read.
  private var since: ContinuousClock.Instant

  init(limits: ConnectionLimits, now: ContinuousClock.Instant) {
    self.limits = limits
    framer = VarlinkFramer(limit: limits.messageBytes)
    since = now
  }

  // MARK: What the socket should wait for

  var unsent: ArraySlice<UInt8> { output[sent...] }

  var wantsInput: Bool { phase == .idle && unsent.isEmpty && call == nil && !isInputClosed }

  /// Everything is said and the client will say no more.
  var isFinished: Bool { isInputClosed && phase == .idle && unsent.isEmpty && call == nil }

  /// When the client has had its time. nil: it may take any time it likes.
  var deadline: ContinuousClock.Instant? {
    if !unsent.isEmpty { return since + limits.stalledTime }
    guard phase == .idle, call == nil else { return nil }
    return since + (framer.pendingCount > 0 ? limits.messageTime : limits.idleTime)
  }

  // MARK: Input

  mutating func received(_ bytes: some Collection<UInt8>, now: ContinuousClock.Instant) {
    if framer.pendingCount == 0 { since = now }
    framer.append(bytes)
  }

  mutating func inputEnded() {
    isInputClosed = true
  }

  /// Looks for the next whole call, if the last is answered and the client has read the answer.
  mutating func findCall() throws(VarlinkFramingError) {
    guard phase == .idle, unsent.isEmpty, call == nil else { return }
    call = try framer.next()
  }

  mutating func takeCall() -> [UInt8]? {
    defer { call = nil }
    return call
  }

  // MARK: Output

  mutating func enter(_ phase: Phase, now: ContinuousClock.Instant) {
    self.phase = phase
    if unsent.isEmpty { since = now }
  }

  mutating func enqueue(_ bytes: [UInt8], now: ContinuousClock.Instant) {
    if unsent.isEmpty { since = now }
    output += bytes
  }

  mutating func sent(_ count: Int, now: ContinuousClock.Instant) {
    sent += count
    if count > 0 { since = now }
    if sent == output.count {
      output = []
      sent = 0
    } else if sent > unsent.count {
      // A client that always leaves something unread must not keep what it has read.
      output.removeFirst(sent)
      sent = 0
    }
  }

  /// Whether the client gets an event, or word of its losses, now. An event that it does not get counts as lost.
  mutating func admits(event isEvent: Bool, lost more: Int) -> Bool {
    lost += more
    guard unsent.count < limits.outputBytes else {
      if isEvent { lost += 1 }
      return false
    }
    return isEvent || lost > 0
  }

  /// The losses that the client has not been told of yet; it is told now.
  mutating func takeLost() -> Int {
    defer { lost = 0 }
    return lost
  }
}
