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
  /// Resident bytes beyond what a scorer had when it was ready, and so beyond the weights of any model, from which on it is
  /// replaced by a fresh one after an answer. A network keeps 64 MiB of rows and, for one thread and for several, 48 MiB of
  /// compiled operations; what else stays was one image's, or is a leak.
  package var growthLimit: Int

  package init(
    executable: FilePath, precision: Precision = .auto, threads: Int = 1, limits: ImageLimits = ImageLimits(),
    timeout: Duration = .seconds(120), startTimeout: Duration = .seconds(60), memoryLimit: Int? = nil,
    growthLimit: Int = 256 << 20
  ) {
    self.executable = executable
    self.precision = precision
    self.threads = threads
    self.limits = limits
    self.timeout = timeout
    self.startTimeout = startTimeout
    self.memoryLimit = memoryLimit
    self.growthLimit = growthLimit
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
