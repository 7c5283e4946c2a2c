import SystemPackage

/// Why a call did not bring what it was made for.
package struct ControlClientError: Error, CustomStringConvertible {
  package enum Code: Sendable {
    /// No daemon at the socket, or it went away.
    case unreachable
    /// The daemon answered, and the answer is no.
    case failed
    /// What came is not what `io.staypos.Control` says.
    case protocolViolation
  }

  package let code: Code
  /// One line: what happened and what to do.
  package let message: String
  /// The daemon's own words, with ``Code/failed``.
  package let failure: ControlFailure?

  package var description: String { message }

  package init(_ code: Code, _ message: String, failure: ControlFailure? = nil) {
    self.code = code
    self.message = message
    self.failure = failure
  }
}
