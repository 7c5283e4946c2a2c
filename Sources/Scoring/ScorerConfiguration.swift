import CLinux
import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// How scorers are run.
package struct ScorerConfiguration: Sendable {
  /// `staypos-scorer`.
  package var executable: FilePath
  package var precision: Precision
  /// Threads of one scorer at most.
  package var threads: Int
  package var limits: ImageLimits
  /// For one image.
  package var timeout: Duration
  /// For loading the model.
  package var startTimeout: Duration
  /// Bytes of private memory that a scorer may ask for (RLIMIT_DATA); nil: no limit.
  package var memoryLimit: Int?
  /// Resident bytes from which on a scorer that has answered is replaced by a fresh one.
  package var residentLimit: Int

  package init(
    executable: FilePath, precision: Precision = .auto, threads: Int = 1, limits: ImageLimits = ImageLimits(),
    timeout: Duration = .seconds(120), startTimeout: Duration = .seconds(60), memoryLimit: Int? = nil,
    residentLimit: Int = 1 << 30
  ) {
    self.executable = executable
    self.precision = precision
    self.threads = threads
    self.limits = limits
    self.timeout = timeout
    self.startTimeout = startTimeout
    self.memoryLimit = memoryLimit
    self.residentLimit = residentLimit
  }
}

/// The model file, opened once: a scorer that is started again loads the same file even if its path means another by then.
package final class ModelSource: Sendable {
  package let descriptor: Descriptor

  /// Symbolic links are followed: the administrator's path to the model is usually one.
  package init(path: FilePath) throws(FilesystemError) {
    let value = path.withPlatformString { Glibc.open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
    guard value >= 0 else {
      throw FilesystemError(errno: Errno(rawValue: errno), operation: "open the model", path: path)
    }
    descriptor = Descriptor(owning: value)
    var status = stat()
    guard fstat(value, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw FilesystemError(.wrongKind, operation: "open the model", path: path)
    }
  }
}
