import Glibc
import StayposCore
import SystemPackage

/// An exclusive `flock(2)` on a file of its own, which holds the owner's process id for people to read; freed at the end
/// of its life or of the process, however that ends.
///
/// Not on the database file: SQLite's own POSIX locks on it would be lost with the first descriptor closed.
struct LockFile: ~Copyable, Sendable {
  private let descriptor: CInt

  init(_ path: FilePath) throws(CatalogueError) {
    let descriptor = path.withPlatformString { open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600) }
    guard descriptor >= 0 else { throw CatalogueError(opening: path, Errno(rawValue: errno)) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let error = Errno(rawValue: errno)
      var digits = [UInt8](repeating: 0, count: 16)
      let count = pread(descriptor, &digits, digits.count, 0)
      close(descriptor)
      guard error == .wouldBlock else { throw CatalogueError(opening: path, error) }
      let process = String(decoding: digits.prefix(max(count, 0)), as: UTF8.self).prefix { $0.isNumber }
      throw CatalogueError(
        .locked,
        "\(path.removingLastComponent().escaped) is in use by another stayposd (process \(process)); stop it, or give "
          + "this one a [state] directory of its own", errno: error)
    }
    let text = Array("\(getpid())\n".utf8)
    // Only people read it: a full disk must not keep the daemon from starting.
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, text, text.count, 0)
    self.descriptor = descriptor
  }

  deinit {
    // A child that has not come to its exec yet holds a copy of the descriptor, and with it the lock.
    _ = flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}

extension CatalogueError {
  init(opening path: FilePath, _ error: Errno) {
    let (code, remedy): (Code, String) =
      switch error {
      case .noSpace, .diskQuotaExceeded: (.noSpace, "free space on its file system")
      case .noSuchFileOrDirectory: (.permission, "create the [state] directory")
      case .permissionDenied, .notPermitted, .readOnlyFileSystem:
        (.permission, "the [state] directory must belong to the daemon's user and be writable")
      case .tooManySymbolicLinkLevels: (.permission, "it is a symbolic link, which is not followed: remove it")
      default: (.io, "check its file system")
      }
    self.init(code, "cannot open \(path.escaped): \(error); \(remedy)", errno: error)
  }
}
