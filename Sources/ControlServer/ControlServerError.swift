import SystemPackage

/// Why the control socket is not there.
package struct ControlServerError: Error, CustomStringConvertible {
  package enum Code: Sendable {
    case badPath
    case alreadyRunning
    case cannotListen
  }

  package let code: Code
  /// What happened and what to do.
  package let message: String
  package let cause: Errno?

  package var description: String { message + (cause.map { ": \($0)" } ?? "") }

  init(_ code: Code, _ message: String, _ cause: CInt? = nil) {
    self.code = code
    self.message = message
    self.cause = cause.map { Errno(rawValue: $0) }
  }
}
