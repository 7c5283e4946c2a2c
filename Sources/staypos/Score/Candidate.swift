import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// A file that may be an image, open for reading.
struct Candidate: ~Copyable {
  let descriptor: Descriptor
  let status: FileStatus

  /// Follows symbolic links: the caller's own rights are all that this program has. Never waits for a FIFO and never
  /// opens a device.
  init(opening path: FilePath) throws(Refusal) {
    var before = stat()
    guard path.withPlatformString({ stat($0, &before) }) == 0 else { throw Refusal(Errno(rawValue: errno)) }
    guard before.st_mode & S_IFMT == S_IFREG else { throw .wrongKind }
    let rawValue = path.withPlatformString { open($0, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) }
    guard rawValue >= 0 else { throw Refusal(Errno(rawValue: errno)) }
    let descriptor = Descriptor(owning: rawValue)
    let status: FileStatus
    do {
      status = try descriptor.status()
    } catch {
      throw Refusal(reason: .ioError, detail: "\(error)")
    }
    // Swapped in between.
    guard status.kind == .regular else { throw .wrongKind }
    self.descriptor = descriptor
    self.status = status
  }

  /// Nothing has touched the file since it was opened.
  func isUnchanged() -> Bool {
    (try? descriptor.status())?.identity == status.identity
  }
}

/// Why a file has no score, in the terms of the verdict.
struct Refusal: Error {
  var reason: NotScoredReason
  var detail: String

  static let wrongKind = Refusal(reason: .unsupportedFormat, detail: "not a regular file")

  init(reason: NotScoredReason, detail: String) {
    self.reason = reason
    self.detail = detail
  }

  init(_ errno: Errno) {
    let reason: NotScoredReason =
      switch errno {
      case .noSuchFileOrDirectory, .notDirectory: .vanished
      case .permissionDenied, .notPermitted: .permissionDenied
      default: .ioError
      }
    self.init(reason: reason, detail: "\(errno)")
  }
}
