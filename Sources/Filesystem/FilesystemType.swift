import CLinux
import Glibc
import SystemPackage

/// Kind of file system by its magic number (statfs(2)).
package struct FilesystemType: Hashable, Sendable {
  package let magic: UInt64

  package init(magic: UInt64) {
    self.magic = magic
  }

  /// Others can change files there without this kernel knowing, so inotify does not tell all.
  package var isNetwork: Bool { Self.network[magic] != nil }

  /// For people; nil if staypos has no name for it.
  package var name: String? { Self.network[magic] ?? Self.local[magic] }

  private static let network: [UInt64: String] = [
    0x6969: "nfs", 0x517B: "smb", 0xFF53_4D42: "cifs", 0xFE53_4D42: "smb2", 0x6573_5546: "fuse", 0x00C3_6400: "ceph",
    0x5346_414F: "afs", 0x6B41_4653: "afs", 0x0102_1997: "9p", 0x7375_7245: "coda", 0x564C: "ncp",
    0x0116_1970: "gfs2", 0x7461_636F: "ocfs2", 0x0BD0_0BD0: "lustre", 0x4750_4653: "gpfs", 0x786F_4256: "vboxsf",
  ]

  private static let local: [UInt64: String] = [
    0xEF53: "ext4", 0x0102_1994: "tmpfs", 0x5846_5342: "xfs", 0x9123_683E: "btrfs", 0x794C_7630: "overlay",
    0xF2F5_2010: "f2fs", 0x2FC1_2FC1: "zfs", 0x4D44: "vfat", 0x2011_BAB0: "exfat", 0xCA45_1A4E: "bcachefs",
  ]
}

extension Descriptor {
  package func filesystemType() throws(FilesystemError) -> FilesystemType {
    var magic: UInt64 = 0
    try systemCall { clinux_filesystem_magic(rawValue, &magic) }.orThrow("ask for the file system type")
    return FilesystemType(magic: magic)
  }
}
