import CLinux
import Glibc
import StayposCore
import SystemPackage

/// What `statx(2)` says of a file.
package struct FileStatus: Hashable, Sendable {
  package var identity: FileIdentity
  package var kind: FileKind
  /// Names that the inode has.
  package var links: UInt64
  /// Permission bits with set-user-ID, set-group-ID and sticky (`0o7777`).
  package var mode: UInt32
  package var uid: UInt32
  package var gid: UInt32
  /// As in mountinfo; nil before Linux 5.8.
  package var mountID: UInt64?

  init(_ status: clinux_status) {
    identity = FileIdentity(
      device: status.device, inode: status.inode,
      birth: status.has_birth
        ? Timestamp(seconds: status.birth_seconds, nanoseconds: Int64(status.birth_nanoseconds)) : nil,
      size: status.size,
      modified: Timestamp(seconds: status.modified_seconds, nanoseconds: Int64(status.modified_nanoseconds)),
      changed: Timestamp(seconds: status.changed_seconds, nanoseconds: Int64(status.changed_nanoseconds)))
    kind = FileKind(mode: status.mode)
    links = status.links
    mode = status.mode & 0o7777
    uid = status.uid
    gid = status.gid
    mountID = status.has_mount_id ? status.mount_id : nil
  }
}

package enum FileKind: Hashable, Sendable {
  case regular
  case directory
  case symlink
  case fifo
  case socket
  case characterDevice
  case blockDevice
  /// The file system did not say (readdir), or a kind that Linux does not have.
  case unknown

  /// From `st_mode`.
  init(mode: UInt32) {
    self =
      switch mode & UInt32(S_IFMT) {
      case UInt32(S_IFREG): .regular
      case UInt32(S_IFDIR): .directory
      case UInt32(S_IFLNK): .symlink
      case UInt32(S_IFIFO): .fifo
      case UInt32(S_IFSOCK): .socket
      case UInt32(S_IFCHR): .characterDevice
      case UInt32(S_IFBLK): .blockDevice
      default: .unknown
      }
  }

  /// From `d_type` of readdir(3), which holds the same bits further down.
  init(directoryType: UInt8) {
    self.init(mode: UInt32(directoryType) << 12)
  }
}

extension Descriptor {
  /// Of the open file itself; works for O_PATH too.
  package func status() throws(FilesystemError) -> FileStatus {
    var status = clinux_status()
    try systemCall { clinux_statx(rawValue, "", &status) }.orThrow("read the status of an open file")
    return FileStatus(status)
  }
}
