/// Why the daemon cannot start, and what to do, in one line for the administrator.
package struct StartError: Error, CustomStringConvertible {
  package enum Cause: Sendable {
    /// Configuration or model: stays so until somebody mends it.
    case configuration
    /// Directories, sockets, processes: another attempt may find them as they should be.
    case surroundings
  }

  package var cause: Cause
  package var description: String

  package init(_ description: String, cause: Cause = .surroundings) {
    self.cause = cause
    self.description = description
  }
}
