import GRDB
import StayposCore
import SystemPackage

/// Why the catalogue could not do what it was asked; the message says what to do about it.
package struct CatalogueError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// Another daemon has this state directory.
    case locked
    case noSpace = "no-space"
    case corrupt
    case permission
    /// Written by a later version of staypos.
    case tooNew = "too-new"
    /// A stored value makes no sense.
    case invalid
    case io
  }

  package var code: Code
  /// What was being done, what went wrong and what to do, in one line.
  package var message: String
  /// The operating system's error, where there was one.
  package var errno: Errno?
  /// SQLite's extended result code, where there was one (sqlite.org/rescode.html).
  package var sqliteCode: Int32?

  package init(_ code: Code, _ message: String, errno: Errno? = nil, sqliteCode: Int32? = nil) {
    self.code = code
    self.message = message
    self.errno = errno
    self.sqliteCode = sqliteCode
  }

  package var description: String { message }

  /// - Parameter doing: for example "record a verdict".
  init(_ error: any Error, doing: String, file: FilePath) {
    if let error = error as? CatalogueError {
      self = error
      return
    }
    let what = "cannot \(doing) in \(file.escaped)"
    guard let error = error as? DatabaseError else {
      self.init(.invalid, "\(what): \(error)")
      return
    }
    let detail = error.message ?? error.resultCode.description
    let (code, remedy): (Code, String) =
      switch error.resultCode {
      case .SQLITE_FULL: (.noSpace, "free space on its file system")
      case .SQLITE_CORRUPT, .SQLITE_NOTADB: (.corrupt, Self.corruptRemedy)
      case .SQLITE_BUSY, .SQLITE_LOCKED: (.locked, "close whatever else has it open")
      case .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_AUTH:
        (.permission, "check that it and its directory belong to the daemon's user and are writable")
      case .SQLITE_CONSTRAINT, .SQLITE_MISMATCH: (.invalid, "this is an error in staypos: please report it")
      default: (.io, "check its quota, and the kernel log for errors of its file system")
      }
    self.init(code, "\(what): \(detail); \(remedy)", sqliteCode: error.extendedResultCode.rawValue)
  }

  static let corruptRemedy =
    "stop the daemon, move the file and its -wal and -shm away and start again: the quarantine is listed anew from its "
    + "records, and all files are scored again"
}
