import Glibc
import SystemPackage

/// Sole owner of a file descriptor; closes it at the end of its life.
package struct Descriptor: ~Copyable, Sendable {
  /// Valid as long as the owner lives.
  package let rawValue: CInt

  /// Takes over `rawValue`.
  package init(owning rawValue: CInt) {
    precondition(rawValue >= 0)
    self.rawValue = rawValue
  }

  deinit {
    // EINTR too has closed it on Linux (close(2)).
    _ = Glibc.close(rawValue)
  }

  /// Gives the descriptor away; the caller has to close it.
  package consuming func release() -> CInt {
    let value = rawValue
    discard self
    return value
  }
}
