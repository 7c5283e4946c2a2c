import Glibc
import SystemPackage

/// A file that is written beside another one, as `NAME.partial`, and takes its place when it is whole. Gone with the value if
/// it does not.
///
/// Whoever writes it holds a lock on it: what a killed process left is written over by the next one instead of lying there
/// for ever, and two processes at once do not mix their bytes.
struct FileReplacement: ~Copyable {
  let partial: FilePath
  private let target: FilePath
  private let descriptor: FileDescriptor

  init(of target: FilePath, permissions: FilePermissions) throws(CheckpointError) {
    self.target = target
    partial = target.withPlatformString { name in
      FilePath(platformString: Array(UnsafeBufferPointer(start: name, count: strlen(name))) + ".partial".utf8CString)
    }
    do throws(Errno) {
      descriptor = try Self.open(partial, permissions)
    } catch {
      throw CheckpointError(
        .system, error == .wouldBlock ? "another process is writing the file" : "cannot write the file", file: target,
        errno: error)
    }
  }

  deinit {
    // After a rename somebody else's may have this name.
    if (try? Self.isStill(descriptor, at: partial)) == true { _ = partial.withPlatformString { unlink($0) } }
    try? descriptor.close()
  }

  func write(_ bytes: [UInt8]) throws(CheckpointError) {
    do {
      try descriptor.writeAll(bytes)
    } catch {
      throw failure(error)
    }
  }

  /// To the disk.
  func sync() throws(CheckpointError) {
    guard fsync(descriptor.rawValue) == 0 else { throw failure(Errno(rawValue: errno)) }
  }

  /// Takes the target's place.
  func commit() throws(CheckpointError) {
    let renamed = partial.withPlatformString { from in target.withPlatformString { to in rename(from, to) } }
    guard renamed == 0 else { throw failure(Errno(rawValue: errno)) }
  }

  private func failure(_ error: any Error) -> CheckpointError {
    CheckpointError(.system, "cannot write the file", file: target, errno: error as? Errno)
  }

  /// Empty and locked.
  private static func open(_ path: FilePath, _ permissions: FilePermissions) throws(Errno) -> FileDescriptor {
    while true {
      let number = path.withPlatformString {
        Glibc.open($0, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, permissions.rawValue)
      }
      guard number >= 0 else { throw Errno(rawValue: errno) }
      let descriptor = FileDescriptor(rawValue: number)
      do throws(Errno) {
        guard flock(number, LOCK_EX | LOCK_NB) == 0 else { throw Errno(rawValue: errno) }
        // Its last owner may have renamed it a moment ago: then it is no longer ours to write to.
        if try isStill(descriptor, at: path) {
          guard ftruncate(number, 0) == 0 else { throw Errno(rawValue: errno) }
          return descriptor
        }
        try? descriptor.close()
      } catch {
        try? descriptor.close()
        throw error
      }
    }
  }

  private static func isStill(_ descriptor: FileDescriptor, at path: FilePath) throws(Errno) -> Bool {
    var (own, found) = (stat(), stat())
    guard fstat(descriptor.rawValue, &own) == 0 else { throw Errno(rawValue: errno) }
    guard path.withPlatformString({ lstat($0, &found) }) == 0 else {
      guard errno == ENOENT else { throw Errno(rawValue: errno) }
      return false
    }
    return own.st_dev == found.st_dev && own.st_ino == found.st_ino
  }
}
