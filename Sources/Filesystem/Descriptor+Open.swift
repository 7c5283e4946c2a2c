import CLinux
import Glibc
import SystemPackage

/// How a file is opened. O_CLOEXEC and O_NOFOLLOW always come with it.
package enum OpenMode: Sendable {
  /// A handle only: neither reads nor blocks, works on every kind of file.
  case handle
  case directory
  case read
  case readWrite
  /// A new file; fails if the name exists.
  case create(mode: mode_t)

  var flags: CInt {
    switch self {
    case .handle: CLINUX_O_PATH
    case .directory: O_RDONLY | CLINUX_O_DIRECTORY
    case .read: O_RDONLY | O_NONBLOCK | O_NOCTTY
    case .readWrite: O_RDWR | O_NONBLOCK | O_NOCTTY
    case .create: O_RDWR | O_CREAT | O_EXCL
    }
  }

  var permissions: mode_t {
    if case .create(let mode) = self { mode } else { 0 }
  }
}

extension Descriptor {
  /// Opens a path in which no component is a symbolic link, not even the last (openat2(2), RESOLVE_NO_SYMLINKS).
  ///
  /// Never blocks on a FIFO, but opening a device may have effects: open what others may have put there with
  /// ``RegularFile``.
  package static func open(_ path: FilePath, _ mode: OpenMode) throws(FilesystemError) -> Descriptor {
    try open(path, at: AT_FDCWD, mode, describedBy: path)
  }

  /// - Parameter described: the path for the error.
  static func open(
    _ path: FilePath, at directory: CInt, _ mode: OpenMode, describedBy described: @autoclosure () -> FilePath
  ) throws(FilesystemError) -> Descriptor {
    // Not O_NOFOLLOW: it would turn the ELOOP of a symbolic link into ENOTDIR under O_DIRECTORY.
    let flags = mode.flags | CLINUX_O_CLOEXEC
    let result = path.withPlatformString { pointer in
      systemCall { clinux_open_without_symlinks(directory, pointer, flags, mode.permissions) }
    }
    // RestrictSUIDSGID= of systemd forbids openat2 this way, since seccomp cannot see its flags.
    if case .failure(Errno(rawValue: ENOSYS)) = result {
      return try openByComponents(path, at: directory, mode, describedBy: described())
    }
    return Descriptor(owning: try result.orThrow("open", described()))
  }

  /// The same with openat(2) only: one component after the other, each with O_NOFOLLOW.
  package static func openByComponents(
    _ path: FilePath, at directory: CInt, _ mode: OpenMode, describedBy described: FilePath
  ) throws(FilesystemError) -> Descriptor {
    let traverse = CLINUX_O_PATH | CLINUX_O_DIRECTORY | CLINUX_O_CLOEXEC | CLINUX_O_NOFOLLOW
    let flags = mode.flags | CLINUX_O_CLOEXEC | CLINUX_O_NOFOLLOW
    let start = path.isAbsolute ? "/" : "."
    var current = Descriptor(owning: try systemCall { openat(directory, start, traverse) }.orThrow("open", described))
    guard let last = path.components.last else {
      return Descriptor(owning: try systemCall { openat(current.rawValue, ".", flags) }.orThrow("open", described))
    }
    for component in path.components.dropLast() {
      let next = component.withPlatformString { name in
        systemCall { openat(current.rawValue, name, traverse) }.mapError { $0.symlink(current.rawValue, name) }
      }
      current = Descriptor(owning: try next.orThrow("open", described))
    }
    let result = last.withPlatformString { name in
      systemCall { openat(current.rawValue, name, flags, mode.permissions) }
        .mapError { $0.symlink(current.rawValue, name) }
    }
    return Descriptor(owning: try checked(result, mode).orThrow("open", described))
  }

  /// O_PATH with O_NOFOLLOW opens a symbolic link itself.
  private static func checked(_ result: Result<CInt, Errno>, _ mode: OpenMode) -> Result<CInt, Errno> {
    guard case .handle = mode, case .success(let descriptor) = result else { return result }
    var status = clinux_status()
    guard clinux_statx(descriptor, "", &status) == 0, FileKind(mode: status.mode) == .symlink else { return result }
    close(descriptor)
    return .failure(Errno(rawValue: ELOOP))
  }
}

extension Errno {
  /// O_DIRECTORY turns the ELOOP of a symbolic link into ENOTDIR: say what it was.
  fileprivate func symlink(_ directory: CInt, _ name: UnsafePointer<CChar>) -> Errno {
    var status = clinux_status()
    guard rawValue == Glibc.ENOTDIR, clinux_statx(directory, name, &status) == 0,
      FileKind(mode: status.mode) == .symlink
    else { return self }
    return Errno(rawValue: Glibc.ELOOP)
  }
}
