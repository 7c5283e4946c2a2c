import ArgumentParser

/// What the user is told on standard error.
struct Failure: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

extension ExitCode {
  /// Something was flagged; a model did not pass.
  static let found = ExitCode(1)
  /// There is no verdict.
  static let notScored = ExitCode(2)
  /// EX_IOERR of sysexits(3): the output could not be written.
  static let outputFailed = ExitCode(74)
}
