import Filesystem
import StayposCore
import SystemPackage

/// Why the quarantine refused or failed; unless the message says otherwise, everything is where it was before.
package struct QuarantineError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The file is no longer under its path.
    case vanished
    /// Another file is under the path now.
    case replaced
    /// The content is no longer what was scored.
    case changed
    /// The quarantine has reached its own limit.
    case full
    /// The file system has no room.
    case noSpace = "no-space"
    case permission
    /// An object's content is not what its record says.
    case evidenceChanged = "evidence-changed"
    /// A record makes no sense or was changed by hand.
    case tampered
    /// The target exists.
    case exists
    case parentMissing = "parent-missing"
    case symlink
    /// There is no such object.
    case notFound = "not-found"
    /// Another operation works on the object, or another daemon on the directory.
    case busy
    /// Owner, mode or an attribute cannot be given back exactly.
    case metadata
    case io
  }

  package var code: Code
  /// What failed, why, and what to do, in one line without the path.
  package var message: String
  package var path: FilePath?
  package var errno: Errno?

  package init(_ code: Code, _ message: String, path: FilePath? = nil, errno: Errno? = nil) {
    self.code = code
    self.message = message
    self.path = path
    self.errno = errno
  }

  package var description: String {
    guard let path else { return message }
    return "\(path.escaped): \(message)"
  }

  init(_ error: any Error) {
    switch error {
    case let error as QuarantineError: self = error
    case let error as FilesystemError:
      let code: Code =
        switch error.code {
        case .notFound: .notFound
        case .exists: .exists
        case .permissionDenied, .readOnly: .permission
        case .symlink: .symlink
        case .noSpace, .tooLarge: .noSpace
        case .busy: .busy
        case .notDirectory, .wrongKind, .crossDevice, .tooManyOpenFiles, .watchLimit, .unsupported, .io, .other: .io
        }
      self.init(code, error.message, path: error.path, errno: error.errno)
    case let error as Errno:
      self.init(FilesystemError(errno: error, operation: "go on"))
    default: self.init(.io, "\(error)")
    }
  }
}
