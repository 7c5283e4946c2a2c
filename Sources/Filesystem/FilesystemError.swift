import Glibc
import StayposCore
import SystemPackage

/// A file system operation that failed.
package struct FilesystemError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case notFound = "not-found"
    case exists
    case permissionDenied = "permission-denied"
    case notDirectory = "not-directory"
    /// A symbolic link where none may be, or (ELOOP) too many of them.
    case symlink
    /// Not the kind of file that was asked for: a FIFO, a socket, a device, a directory.
    case wrongKind = "wrong-kind"
    case crossDevice = "cross-device"
    case noSpace = "no-space"
    case readOnly = "read-only"
    case busy
    case tooManyOpenFiles = "too-many-open-files"
    /// A limit of the kernel on inotify instances or watches.
    case watchLimit = "watch-limit"
    case tooLarge = "too-large"
    case unsupported
    case io
    case other
  }

  package var code: Code
  /// The kernel's answer; nil if staypos itself refused.
  package var errno: Errno?
  /// What was tried, as a verb phrase: `open`, `rename`, `read the mount table`.
  package var operation: String
  package var path: FilePath?

  package init(_ code: Code, operation: String, path: FilePath? = nil) {
    self.code = code
    self.errno = nil
    self.operation = operation
    self.path = path
  }

  package init(errno: Errno, operation: String, path: FilePath? = nil) {
    self.code = Code(errno)
    self.errno = errno
    self.operation = operation
    self.path = path
  }

  /// One line without the path: what failed, why, and what to do.
  package var message: String {
    let reason = errno.map { "\($0)" } ?? code.rawValue
    guard let remedy = code.remedy else { return "cannot \(operation): \(reason)" }
    return "cannot \(operation): \(reason); \(remedy)"
  }

  /// The message and the path, safe for a terminal.
  package var description: String {
    guard let path else { return message }
    return "\(path.escaped): \(message)"
  }
}

extension FilesystemError.Code {
  package init(_ errno: Errno) {
    self =
      switch errno.rawValue {
      case ENOENT: .notFound
      case EEXIST, ENOTEMPTY: .exists
      case EACCES, EPERM: .permissionDenied
      case ENOTDIR: .notDirectory
      case ELOOP: .symlink
      case EISDIR, ENXIO: .wrongKind
      case EXDEV: .crossDevice
      case ENOSPC, EDQUOT: .noSpace
      case EROFS: .readOnly
      case EBUSY, EAGAIN, ETXTBSY: .busy
      case EMFILE, ENFILE: .tooManyOpenFiles
      case EFBIG, E2BIG, ENAMETOOLONG, EOVERFLOW: .tooLarge
      case EOPNOTSUPP, ENOSYS, EINVAL: .unsupported
      case EIO, EREMOTEIO, ESTALE: .io
      default: .other
      }
  }

  /// What an administrator can do; nil where the reason says it all.
  var remedy: String? {
    switch self {
    case .permissionDenied: "check owner, mode and the ReadWritePaths= of the service"
    case .symlink: "name the real path, without symbolic links"
    case .noSpace: "free space or raise the quota"
    case .readOnly: "remount it writable or check ReadWritePaths="
    case .tooManyOpenFiles: "raise LimitNOFILE= of the service"
    case .watchLimit: "raise fs.inotify.max_user_watches or max_user_instances with sysctl"
    case .crossDevice: "source and target are on different file systems or mounts"
    case .io: "check the disk and the kernel's log"
    case .notFound, .exists, .notDirectory, .wrongKind, .busy, .tooLarge, .unsupported, .other: nil
    }
  }
}
