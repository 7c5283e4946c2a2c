import StayposCore

/// How often one file is tried again before it gets the verdict `not-scored`.
enum RetryPolicy {
  /// What kept an attempt from ending in a verdict.
  enum Setback {
    /// The scorer process died over the file.
    case crash
    /// It took longer than the time limit.
    case timeout
    /// It needed more memory than a scorer may have.
    case memory
    /// The file changed while it was read.
    case change
    /// A flagged file could not be moved.
    case move
    /// There is nothing under its path.
    case gone
  }

  enum Decision: Equatable {
    case retry(after: Duration)
    case giveUp
  }

  /// - Parameter attempts: this one included, from 1.
  static func decision(after setback: Setback, attempts: Int) -> Decision {
    switch setback {
    case .crash, .memory: attempts < 3 ? .retry(after: .zero) : .giveUp
    // A second attempt costs as much again: one is enough to outlast a busy moment.
    case .timeout: attempts < 2 ? .retry(after: .seconds(1)) : .giveUp
    case .change: attempts < 10 ? .retry(after: .milliseconds(250 << min(attempts, 6))) : .giveUp
    // Its directory may have been renamed, and the watcher may not have said so yet.
    case .gone: attempts < 2 ? .retry(after: .seconds(2)) : .giveUp
    case .move: attempts < 8 ? .retry(after: .seconds(1 << min(attempts, 6))) : .giveUp
    }
  }
}
