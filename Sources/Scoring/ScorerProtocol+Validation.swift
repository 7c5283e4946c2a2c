import StayposCore

// The daemon's side: every field is checked before anything is done with it.

extension ScorerGreeting {
  /// The hello, or the scorer's reason for having none.
  func validated() throws(ScorerProtocolError) -> Result<ScorerHello, ModelRejection> {
    switch (hello, loadFailed) {
    case (let hello?, nil): return .success(try hello.validated())
    case (nil, let message?): return .failure(ModelRejection(message: ScorerProtocol.printable(message)))
    default: throw ScorerProtocolError("a greeting has to be either hello or loadFailed")
    }
  }
}

struct ModelRejection: Error {
  var message: String
}

extension ScorerHello {
  fileprivate func validated() throws(ScorerProtocolError) -> ScorerHello {
    guard version == ScorerProtocol.version else {
      throw ScorerProtocolError(
        "the scorer speaks version \(version) and the daemon \(ScorerProtocol.version); install both from one release")
    }
    guard model.precision != .auto else { throw ScorerProtocolError("the scorer does not say its precision") }
    guard (1...1 << 16).contains(model.minimumSize) else {
      throw ScorerProtocolError("the model's minimum size is \(model.minimumSize)")
    }
    var hello = self
    hello.model.name = ScorerProtocol.printable(model.name)
    return hello
  }
}

extension ScorerReply {
  /// The outcome, if it can be one of `request` by `model`.
  func validated(for request: ScorerRequest, by model: ScorerModel) throws(ScorerProtocolError) -> ScoringOutcome {
    guard id == request.id else { throw ScorerProtocolError("a reply to \(id) instead of \(request.id)") }
    switch (score, size, reason, detail) {
    case (let score?, let size?, nil, nil):
      guard score.realScore.isFinite, score.fakeScore.isFinite, score.bias.isFinite, score.logit.isFinite else {
        throw ScorerProtocolError("a score that is not finite")
      }
      guard score.fakeScore >= 0, model.head == .positive ? score.realScore == 0 : score.realScore <= 0 else {
        throw ScorerProtocolError("a score that a \(model.head.rawValue) head cannot give")
      }
      if score.isLowerBound {
        guard model.head == .positive, let threshold = request.earlyExit, threshold.isDecided(by: score) else {
          throw ScorerProtocolError("a lower bound that was not asked for, or that decides nothing")
        }
      }
      guard size.width >= model.minimumSize, size.height >= model.minimumSize else {
        throw ScorerProtocolError("a score for an image below the minimum size")
      }
      let (pixels, overflow) = size.width.multipliedReportingOverflow(by: size.height)
      guard !overflow, pixels <= request.limits.pixels else {
        throw ScorerProtocolError("a score for an image above the limits")
      }
      return .scored(score, size: size)
    case (nil, nil, let reason?, let detail?):
      guard reason.canComeFromScorer else { throw ScorerProtocolError("\(reason.rawValue) is not a scorer's to say") }
      return .notScored(reason, detail: ScorerProtocol.printable(detail))
    default: throw ScorerProtocolError("a reply has to be either a score or a reason")
    }
  }
}

extension NotScoredReason {
  /// The others are about the path, the process or the model: the daemon knows them better.
  fileprivate var canComeFromScorer: Bool {
    switch self {
    case .empty, .unsupportedFormat, .corrupt, .truncated, .tooLarge, .tooSmall, .outOfMemory, .ioError: true
    case .timeout, .decoderCrashed, .noModel, .vanished, .unstable, .permissionDenied: false
    }
  }
}

extension ScorerProtocol {
  /// One line, of bounded length, without what could steer a terminal.
  static func printable(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(maximumTextLength) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: result.append("\u{FFFD}")
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
