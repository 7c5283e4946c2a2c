import CLinux
import Glibc
import SystemPackage

/// Whether anybody has a file open for writing, or mapped so, as far as the kernel tells.
package enum WriterState: Hashable, Sendable {
  case writerOpen
  case noWriter
  /// Not our file and no CAP_LEASE, or a file system without leases.
  case unknown
}

/// Asks for a read lease (fcntl(2), F_SETLEASE), which the kernel grants only while no writer has the file open, and
/// gives it back at once.
package enum WriterLease {
  /// Who opens the file for writing in that moment makes the kernel send SIGIO, which would end the process.
  private static let ignoresSIGIO: Void = {
    signal(SIGIO, SIG_IGN)
  }()

  /// - Parameter file: open for reading only. From the first call on the process ignores SIGIO.
  package static func writer(of file: borrowing Descriptor) -> WriterState {
    _ = ignoresSIGIO
    let descriptor = file.rawValue
    return switch systemCall({ clinux_probe_lease(descriptor) }) {
    case .success: .noWriter
    case .failure(Errno(rawValue: EAGAIN)): .writerOpen
    case .failure: .unknown
    }
  }
}
