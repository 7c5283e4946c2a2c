import Filesystem
import Glibc
import StayposCore
import SystemPackage

extension FileMetadata {
  /// Bytes. XFS, Btrfs and tmpfs let a file have hundreds of times as many, and nobody may escape by that.
  static let attributeLimit = 1 << 20

  /// - Parameter status: the file's own.
  init(of file: borrowing Descriptor, status: FileStatus) throws(FilesystemError) {
    let (attributes, areAll) = try file.extendedAttributes(limit: Self.attributeLimit)
    self.init(
      uid: status.uid, gid: status.gid, mode: status.mode, modified: status.identity.modified,
      attributes: attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }, attributesOmitted: !areAll)
  }

  /// Gives a file exactly this; changes only what differs, so that a daemon without rights can restore its own files.
  ///
  /// The order matters: a new owner takes set-user-ID bits and capabilities away, a new mode changes the ACL.
  ///
  /// - Returns: names of attributes that the file system or the kernel did not take.
  func apply(to file: borrowing Descriptor) throws(FilesystemError) -> [String] {
    var status = try file.status()
    if status.uid != uid || status.gid != gid {
      try file.setOwner(uid: uid, gid: gid)
      status = try file.status()
    }
    if status.mode != mode { try file.setMode(mode) }
    var refused: [String] = []
    for attribute in attributes where try file.extendedAttribute(attribute.name) != attribute.value {
      do throws(FilesystemError) {
        try file.setExtendedAttribute(attribute)
      } catch {
        if error.code == .noSpace || error.code == .io { throw error }
        refused.append(String(decoding: attribute.name, as: UTF8.self))
      }
    }
    // An ACL carries mode bits of its own, and takes set-group-ID away from who is not in the group.
    if try file.status().mode != mode { try file.setMode(mode) }
    if status.identity.modified != modified { try file.setModified(modified) }
    return refused
  }

  /// Out of everybody's reach but the daemon's, as far as it has the right to: the directory keeps others out anyway.
  /// An inode with other names is left alone: it is the same file there.
  static func lockDown(_ file: borrowing Descriptor) {
    guard let status = try? file.status(), status.links == 1 else { return }
    let (uid, gid) = (geteuid(), getegid())
    if status.uid != uid || status.gid != gid { try? file.setOwner(uid: uid, gid: gid) }
    try? file.setMode(0o400)
  }
}
