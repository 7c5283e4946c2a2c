import StayposCore

/// What came of one attempt.
package enum ScorerResult: Sendable, Equatable {
  /// - Parameter duration: from the request to the reply.
  case outcome(ScoringOutcome, duration: Duration)
  case failed(ScorerFailure)
}

/// Why a scorer gave no answer.
package enum ScorerFailure: Error, Hashable, Sendable {
  /// It died over the image.
  /// - Parameter lastWords: from its standard error, in one line.
  case crashed(ScorerExit, lastWords: String? = nil)
  /// It was killed because it took too long over the image.
  case timedOut(after: Duration)
  /// It said something that a scorer does not say, and was killed.
  case protocolViolation(String)
  /// It died for want of memory.
  case outOfMemory(ScorerExit)
  /// No image was looked at.
  case couldNotStart(String)
  /// It does not take the model. No image was looked at.
  case modelRejected(String)
  /// ``Scorer`` was told to give up; the image has not been judged.
  case interrupted
}

extension ScorerFailure {
  /// What the verdict says if this was the last attempt; nil where the file has to wait for a better time.
  package var reason: NotScoredReason? {
    switch self {
    case .crashed, .protocolViolation: .decoderCrashed
    case .timedOut: .timeout
    case .outOfMemory: .outOfMemory
    case .couldNotStart, .modelRejected, .interrupted: nil
    }
  }
}

extension ScorerFailure: CustomStringConvertible {
  /// One line for people.
  package var description: String {
    switch self {
    case .crashed(let exit, let lastWords): "the scorer \(exit)" + (lastWords.map { ": \($0)" } ?? "")
    case .timedOut(let duration): "no answer within \(duration.formatted); the scorer was killed"
    case .protocolViolation(let what): "the scorer broke the protocol and was killed: \(what)"
    case .outOfMemory(let exit): "the scorer ran out of memory: it \(exit)"
    case .couldNotStart(let why): "the scorer cannot be started: \(why)"
    case .modelRejected(let why): "the model cannot be loaded: \(why)"
    case .interrupted: "scoring was interrupted"
    }
  }
}

/// How a process ended.
package enum ScorerExit: Hashable, Sendable, CustomStringConvertible {
  case status(Int32)
  case signal(Int32)

  package var description: String {
    switch self {
    case .status(let status): "ended with exit status \(status)"
    case .signal(let signal): "was ended by \(Self.names[signal] ?? "signal \(signal)")"
    }
  }

  private static let names: [Int32: String] = [
    4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM",
    31: "SIGSYS (a forbidden system call)",
  ]
}

extension Duration {
  fileprivate var formatted: String {
    let (seconds, attoseconds) = components
    return attoseconds == 0 ? "\(seconds) s" : "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000) ms"
  }
}
