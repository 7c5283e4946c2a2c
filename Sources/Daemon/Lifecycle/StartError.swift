/// Why the daemon cannot start, and what to do, in one line for the administrator.
package struct StartError: Error, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }
}
