import Glibc
import SystemPackage

/// Runs a system call again as long as a signal interrupts it. Takes errno before anything else can change it.
func systemCall<Value: SignedInteger>(_ call: () -> Value) -> Result<Value, Errno> {
  while true {
    let value = call()
    if value >= 0 { return .success(value) }
    let code = errno
    if code != EINTR { return .failure(Errno(rawValue: code)) }
  }
}

extension Result where Failure == Errno {
  /// The value, or an error that says what was tried on what.
  @discardableResult
  func orThrow(
    _ operation: String, _ path: @autoclosure () -> FilePath? = nil
  ) throws(FilesystemError) -> Success {
    switch self {
    case .success(let value): return value
    case .failure(let errno): throw FilesystemError(errno: errno, operation: operation, path: path())
    }
  }
}
