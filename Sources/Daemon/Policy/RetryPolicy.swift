import Filesystem
import StayposCore
import SystemPackage

/// How often one file is tried again before it gets a verdict all the same.
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
    /// It could not be opened or read, for a reason that may pass.
    case unreadable

    /// Says nothing about how the file would be scored.
    var isWait: Bool { self == .change || self == .move }
  }

  enum Decision: Equatable {
    case retry(after: Duration)
    case giveUp
  }

  /// Between attempts to move a flagged file that could not be moved ``decision(after:attempts:)`` times.
  static let movePause: Duration = .seconds(3600)
  /// The same for one of those that found no room in the quarantine: when it finds some, the others are tried too.
  static let scoutPause: Duration = .seconds(60)

  /// What counts against one kind of setback: waits do not use up the attempts for crashes, nor they the waits.
  static func attempts(of item: QueueItem, endingIn setback: Setback) -> Int {
    1 + (setback.isWait ? item.waits : item.attempts - item.waits)
  }

  /// Whether an attempt that ends in this is not followed by another.
  static func isLast(_ item: QueueItem, endingIn setback: Setback) -> Bool {
    decision(after: setback, attempts: attempts(of: item, endingIn: setback)) == .giveUp
  }

  /// nil for what stays as it is until somebody does something about the file.
  static func setback(after error: FilesystemError) -> Setback? {
    switch error.code {
    case .notFound, .notDirectory, .symlink, .wrongKind: .gone
    case .tooManyOpenFiles, .io, .busy: .unreadable
    default: error.errno == .noMemory ? .unreadable : nil
    }
  }

  /// - Parameter attempts: this one included, from 1.
  static func decision(after setback: Setback, attempts: Int) -> Decision {
    switch setback {
    case .crash, .memory: attempts < 3 ? .retry(after: .zero) : .giveUp
    // A second attempt costs as much again: one is enough to outlast a busy moment.
    case .timeout: attempts < 2 ? .retry(after: .seconds(1)) : .giveUp
    case .change: attempts < 10 ? .retry(after: .milliseconds(250 << min(attempts, 6))) : .giveUp
    // Its directory may have been renamed, and the watcher may not have said so yet.
    case .unreadable: attempts < 6 ? .retry(after: .seconds(1 << attempts)) : .giveUp
    case .gone: attempts < 2 ? .retry(after: .seconds(2)) : .giveUp
    case .move: attempts < 8 ? .retry(after: .seconds(1 << min(attempts, 6))) : .giveUp
    }
  }
}
