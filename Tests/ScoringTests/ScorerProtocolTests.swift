import CLinux
import Filesystem
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Scoring

/// What the daemon believes of a scorer's messages.
struct ScorerProtocolTests {
  private let model = ScorerModel(
    name: "m", sha256: SHA256Digest(bytes: [UInt8](repeating: 7, count: 32))!, threshold: Threshold(0.5)!,
    head: .positive,
    precision: .fp32, minimumSize: 32)
  private let request = ScorerRequest(id: 5, limits: ImageLimits(bytes: 1000, pixels: 10_000), threads: 1)

  private func judge(_ text: String, linear: Bool = false) throws(ScorerProtocolError) -> ScoringOutcome {
    var model = model
    if linear { model.head = .linear }
    let reply: ScorerReply = try ScorerProtocol.decode(Array(text.utf8))
    return try reply.validated(for: request, by: model)
  }

  /// A bound is an answer to who asked for one at a threshold that it reaches, and of a model that has bounds.
  @Test func boundsHaveToDecide() throws {
    let bound = Score(realScore: 0, fakeScore: 3, bias: -1, isLowerBound: true)
    let size = ImageSize(width: 100, height: 100)
    func judge(at threshold: Double?, linear: Bool = false) throws -> ScoringOutcome {
      var (request, model) = (request, model)
      request.earlyExit = threshold.flatMap { Threshold($0) }
      if linear { model.head = .linear }
      let sent = ScorerReply(id: 5, outcome: .scored(bound, size: size))
      let reply: ScorerReply = try ScorerProtocol.decode(ScorerProtocol.encode(sent))
      return try reply.validated(for: request, by: model)
    }
    #expect(try judge(at: 0.5) == .scored(bound, size: size))
    for threshold in [nil, 0.9, bound.probability.nextUp, 1] {
      #expect(throws: ScorerProtocolError.self, "\(threshold ?? -1)") { try judge(at: threshold) }
    }
    #expect(throws: ScorerProtocolError.self) { try judge(at: 0.5, linear: true) }
  }

  private func reply(
    id: String = "5", real: String = "0", fake: String = "1", bias: String = "-1", width: String = "100",
    height: String = "100"
  ) -> String {
    """
    {"id":\(id),"score":{"realScore":\(real),"fakeScore":\(fake),"bias":\(bias)},"size":{"width":\(width),"height":\(height)}}
    """
  }

  @Test func honestMessagesArriveUnchanged() throws {
    let outcomes: [ScoringOutcome] = [
      .scored(Score(realScore: 0, fakeScore: 0.1 + 0.2, bias: -1e-300), size: ImageSize(width: 100, height: 99)),
      .notScored(.corrupt, detail: "libpng: IDAT: CRC error «ü»"),
    ]
    for outcome in outcomes {
      let bytes = try ScorerProtocol.encode(ScorerReply(id: 5, outcome: outcome))
      let reply: ScorerReply = try ScorerProtocol.decode(bytes)
      #expect(try reply.validated(for: request, by: model) == outcome)
    }
    let hello = ScorerHello(model: model, sandbox: SandboxReport(landlock: 7, seccomp: true, privilegesDropped: true))
    let greeting: ScorerGreeting = try ScorerProtocol.decode(ScorerProtocol.encode(ScorerGreeting(hello: hello)))
    #expect(try greeting.validated().get() == hello)
  }

  @Test func repliesThatCannotBeAreRefused() throws {
    _ = try judge(reply())
    _ = try judge(reply(real: "-2"), linear: true)
    let impossible = [
      reply(id: "4"), reply(id: "-5"), reply(id: "5.5"), reply(id: "\"5\""), reply(real: "-2"), reply(real: "2"),
      reply(fake: "-1"), reply(fake: "1e999"), reply(fake: "NaN"), reply(fake: "\"Infinity\""), reply(fake: "null"),
      reply(fake: "1.7e308", bias: "1.7e308"), reply(width: "101"), reply(width: "31"),
      reply(width: "-100", height: "-100"),
      reply(width: "4294967296", height: "4294967296"), reply(width: "1e400"),
      #"{"id":5}"#, #"{"id":5,"reason":"corrupt"}"#, #"{"id":5,"reason":"timeout","detail":""}"#,
      #"{"id":5,"reason":"vanished","detail":""}"#, #"{"id":5,"reason":"clear","detail":""}"#,
      reply().dropLast() + #","reason":"corrupt","detail":""}"#, "", "null", "[]", "{",
      String(repeating: "[", count: 60_000),
      String(repeating: #"{"id":"#, count: 10_000),
    ]
    for text in impossible {
      #expect(throws: ScorerProtocolError.self, "\(text.prefix(200))") { try judge(text) }
    }
    #expect(throws: ScorerProtocolError.self) { try judge(reply(real: "2"), linear: true) }
  }

  /// Whatever arrives, an accepted reply keeps the rules.
  @Test func noDamageToAReplyGetsAroundTheRules() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    let originals = [reply(), #"{"id":5,"reason":"too-small","detail":"31×8"}"#]
    var accepted = 0
    for _ in 0..<4000 {
      var bytes = Array(originals.randomElement(using: &random)!.utf8)
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = Array("0123456789-.e\"{},:".utf8).randomElement(using: &random)!
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        default: bytes.remove(at: place)
        }
      }
      guard let reply: ScorerReply = try? ScorerProtocol.decode(bytes),
        let outcome = try? reply.validated(for: request, by: model)
      else { continue }
      accepted += 1
      switch outcome {
      case .scored(let score, let size):
        #expect(score.logit.isFinite && score.realScore == 0 && score.fakeScore >= 0, "seed \(seed)")
        #expect(min(size.width, size.height) >= 32 && size.width * size.height <= 10_000, "seed \(seed)")
      case .notScored(let reason, let detail):
        #expect(![.timeout, .decoderCrashed, .noModel, .vanished, .unstable, .permissionDenied].contains(reason))
        #expect(detail.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "seed \(seed)")
      }
    }
    #expect(accepted > 100 && accepted < 4000, "seed \(seed)")
  }

  @Test func detailsAreOneShortHarmlessLine() throws {
    let detail = "a\nb\u{1B}[2Jc\u{202E}d\u{2028}" + String(repeating: "x", count: 5000)
    guard case .notScored(_, let text) = try judge(#"{"id":5,"reason":"corrupt","detail":"\#(detail.escapedForJSON)"}"#)
    else {
      Issue.record("a score")
      return
    }
    #expect(text.hasPrefix("a\u{FFFD}b\u{FFFD}[2Jc\u{FFFD}d\u{FFFD}xxx"))
    #expect(text.unicodeScalars.count == ScorerProtocol.maximumTextLength)
  }

  @Test func greetingsThatCannotBeAreRefused() throws {
    var hello = ScorerHello(model: model, sandbox: SandboxReport(landlock: 0, seccomp: false, privilegesDropped: false))
    #expect(hello.sandbox.missing.count == 3)
    #expect(throws: ScorerProtocolError.self) { try ScorerGreeting(hello: hello, loadFailed: "both").validated() }
    #expect(throws: ScorerProtocolError.self) { try ScorerGreeting().validated() }
    hello.version = ScorerProtocol.version + 1
    #expect(throws: ScorerProtocolError.self) { try ScorerGreeting(hello: hello).validated() }
    hello.version = ScorerProtocol.version
    hello.model.minimumSize = 0
    #expect(throws: ScorerProtocolError.self) { try ScorerGreeting(hello: hello).validated() }
    hello.model.minimumSize = 1
    hello.model.precision = .auto
    #expect(throws: ScorerProtocolError.self) { try ScorerGreeting(hello: hello).validated() }
  }

  @Test func channelBoundsWhatItTakes() throws {
    let pair = try ScorerChannel.Pair()
    let socket = pair.theirs.socket.rawValue
    let long = [UInt8](repeating: 32, count: ScorerProtocol.maximumMessageSize + 1)
    #expect(send(socket, long, long.count, 0) == long.count)
    #expect(throws: ScorerProtocolError.self) { try pair.ours.receive(ScorerReply.self) }
    // A descriptor where none belongs never becomes one of ours; one where it belongs is taken.
    let text = #"{"id":9,"limits":{"bytes":1,"pixels":1,"memory":1},"threads":1}"#
    #expect(clinux_send_message(socket, text, text.utf8.count, STDERR_FILENO) > 0)
    #expect(throws: ScorerProtocolError.self) { try pair.ours.receive(ScorerRequest.self) }
    #expect(clinux_send_message(socket, text, text.utf8.count, STDERR_FILENO) > 0)
    guard let received = try pair.ours.receiveRequest() else {
      Issue.record("no request")
      return
    }
    let id = received.request.id
    #expect(id == 9)
    #expect(clinux_send_message(socket, text, text.utf8.count, -1) > 0)
    #expect(throws: ScorerProtocolError.self) { _ = try pair.ours.receiveRequest() }
    shutdown(socket, CInt(SHUT_RDWR))
    #expect(try pair.ours.receive(ScorerReply.self)?.id == nil)
    #expect(try pair.ours.send(ScorerReply(id: 1, outcome: .notScored(.empty, detail: ""))) == .peerGone)
  }
}

extension String {
  fileprivate var escapedForJSON: String {
    unicodeScalars.map { scalar in
      scalar.value < 0x20 ? "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16) : String(scalar)
    }.joined()
  }
}

private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
