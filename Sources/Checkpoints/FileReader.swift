import Glibc
import SystemPackage

/// A regular file that is read in pieces. Where ``FileMapping`` shows all of it at once, this takes only what is asked
/// for, and a file that becomes shorter meanwhile is an error instead of a signal: it is for files of unknown origin.
final class FileReader: Sendable {
  let size: Int
  private let descriptor: CInt

  /// Follows symbolic links; does not wait for the other end of a FIFO.
  init(path: FilePath) throws(CheckpointError) {
    let descriptor = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
    guard descriptor >= 0 else {
      throw CheckpointError(.system, "cannot open the file", errno: Errno(rawValue: errno))
    }
    var status = stat()
    let result = fstat(descriptor, &status)
    let code = Errno(rawValue: errno)
    self.descriptor = descriptor
    size = Int(status.st_size)
    // From here on, deinit closes.
    guard result == 0 else { throw CheckpointError(.system, "cannot examine the file", errno: code) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(.notARegularFile, "is not a regular file")
    }
  }

  deinit {
    close(descriptor)
  }

  /// - Parameter range: of the file's bytes.
  func read(_ range: Range<Int>) throws(CheckpointError) -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= size else {
      throw CheckpointError(.truncated, "ends before byte \(range.upperBound)")
    }
    var failure: CheckpointError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, initialized in
      while initialized < range.count {
        let count = pread(
          descriptor, buffer.baseAddress.map { $0 + initialized }, range.count - initialized,
          off_t(range.lowerBound + initialized))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          failure =
            count == 0
            ? CheckpointError(.truncated, "became shorter while it was read")
            : CheckpointError(.system, "cannot read the file", errno: Errno(rawValue: errno))
          return
        }
        initialized += count
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
