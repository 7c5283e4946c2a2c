import CLinux
import Filesystem
import Glibc
import StayposCore

@testable import Scoring

extension FuzzTarget {
  /// The input is what a scorer says that somebody has taken over: a greeting, or a reply to one request. The first byte
  /// decides whether a descriptor comes with it.
  static let scorer = FuzzTarget("scorer") { input in
    guard let first = input.first else { return false }
    let message = Array(input.dropFirst())
    for isGreeting in [true, false] {
      guard let pair = try? ScorerChannel.Pair() else { fatalError("no socket") }
      let attached: CInt = first & 1 == 1 ? STDIN_FILENO : -1
      // Too long a message does not go out.
      guard clinux_send_message(pair.theirs.socket.rawValue, message, message.count, attached) >= 0 else {
        return false
      }
      if isGreeting { checkGreeting(pair.ours) } else { checkReply(pair.ours) }
    }
    return true
  }
}

private func checkGreeting(_ channel: borrowing ScorerChannel) {
  guard let greeting = try? channel.receive(ScorerGreeting.self), let result = try? greeting.validated() else { return }
  switch result {
  case .success(let hello): checkText(hello.model.name)
  case .failure(let rejection): checkText(rejection.message)
  }
}

private func checkReply(_ channel: borrowing ScorerChannel) {
  guard let reply = try? channel.receive(ScorerReply.self) else { return }
  let request = ScorerRequest(id: 1, limits: ImageLimits(), threads: 1, earlyExit: Threshold(0.5))
  for head in [ScorerModel.Head.positive, .linear] {
    let model = ScorerModel(
      name: "model", sha256: SHA256Digest(String(repeating: "ab", count: 32))!, threshold: Threshold(0.5)!, head: head,
      precision: .fp32, minimumSize: 32)
    switch try? reply.validated(for: request, by: model) {
    case .scored(let score, let size):
      require(score.probability.isFinite && (0...1).contains(score.probability), "probability \(score.probability)")
      require(score.logit.isFinite && size.width * size.height <= request.limits.pixels, "\(score) \(size)")
    case .notScored(_, let detail): checkText(detail)
    case nil: break
    }
  }
}

/// Goes to terminals and journals.
private func checkText(_ text: String) {
  require(text.unicodeScalars.count <= ScorerProtocol.maximumTextLength, "\(text.unicodeScalars.count) scalars")
  require(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "control characters in a text")
}
