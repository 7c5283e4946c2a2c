import ControlInterface
import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// A listening Unix socket.
package struct ControlListener: ~Copyable, Sendable {
  let descriptor: Descriptor
  /// nil if the socket is somebody else's to remove (systemd's).
  private let ownPath: FilePath?
  private let inode: ino_t

  /// Takes over a socket that systemd listens on (`stayposd.socket`).
  package init(activated descriptor: consuming Descriptor) {
    let flags = fcntl(descriptor.rawValue, F_GETFL)
    _ = fcntl(descriptor.rawValue, F_SETFL, flags | O_NONBLOCK)
    self.descriptor = descriptor
    ownPath = nil
    inode = 0
  }

  /// Binds `path`. What a dead daemon has left there is removed; a socket that answers is not.
  ///
  /// - Parameter mode: permissions of the socket. Whoever may write to it may connect, and so read.
  package init(path: FilePath, mode: mode_t = 0o666) throws(ControlServerError) {
    guard let address = UnixAddress(path) else {
      throw ControlServerError(
        .badPath, "control.socket: \(path.escaped) is longer than the \(UnixAddress.maximumLength) bytes of unix(7)")
    }
    let number = Self.newSocket()
    guard number >= 0 else { throw ControlServerError(.cannotListen, "cannot create a socket", errno) }
    let descriptor = Descriptor(owning: number)
    var status = address.withSocketAddress { bind(number, $0, $1) }
    var cause = errno
    if status != 0, cause == EADDRINUSE {
      try Self.removeStale(path, address)
      status = address.withSocketAddress { bind(number, $0, $1) }
      cause = errno
    }
    guard status == 0 else {
      throw ControlServerError(
        .cannotListen, "cannot create the control socket \(path.escaped); check its directory or control.socket", cause)
    }
    // Nobody can connect before listen(2), so the mode is never wider than it should be.
    guard path.withPlatformString({ chmod($0, mode) }) == 0, listen(number, 128) == 0 else {
      throw ControlServerError(.cannotListen, "cannot listen on \(path.escaped)", errno)
    }
    var information = stat()
    _ = path.withPlatformString { lstat($0, &information) }
    self.descriptor = descriptor
    ownPath = path
    inode = information.st_ino
  }

  /// Removes the socket, unless another daemon has put its own in the place.
  func unlink() {
    guard let ownPath else { return }
    ownPath.withPlatformString { path in
      var information = stat()
      if lstat(path, &information) == 0, information.st_ino == inode { _ = Glibc.unlink(path) }
    }
  }

  private static func newSocket() -> CInt {
    socket(
      AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
  }

  private static func removeStale(_ path: FilePath, _ address: UnixAddress) throws(ControlServerError) {
    let probe = newSocket()
    guard probe >= 0 else { throw ControlServerError(.cannotListen, "cannot create a socket", errno) }
    let owner = Descriptor(owning: probe)
    let status = address.withSocketAddress { connect(owner.rawValue, $0, $1) }
    guard status != 0, errno == ECONNREFUSED else {
      throw ControlServerError(
        .alreadyRunning, "another stayposd listens on \(path.escaped): stop it, or set control.socket to another path")
    }
    // ECONNREFUSED comes for any file; only a socket is ours to remove.
    var information = stat()
    guard path.withPlatformString({ lstat($0, &information) }) == 0, information.st_mode & S_IFMT == S_IFSOCK else {
      throw ControlServerError(.badPath, "control.socket: \(path.escaped) exists and is no socket")
    }
    guard path.withPlatformString({ Glibc.unlink($0) }) == 0 else {
      throw ControlServerError(.cannotListen, "cannot remove the stale socket \(path.escaped)", errno)
    }
  }
}
