/// What makes a file on disk this file and this content, as `statx(2)` reports it.
///
/// An inode number alone is no identity: ext4 hands out a freed number at once. Birth time tells such files apart where
/// the file system keeps it.
package struct FileIdentity: Hashable, Sendable, Codable {
  package var device: UInt64
  package var inode: UInt64
  /// `stx_btime`; nil where the file system has none.
  package var birth: Timestamp?
  /// Bytes.
  package var size: Int64
  /// `stx_mtime`: the owner can set it at will.
  package var modified: Timestamp
  /// `stx_ctime`: nobody can set it; changes with content, and with rename, link, mode and owner too.
  package var changed: Timestamp

  package init(
    device: UInt64, inode: UInt64, birth: Timestamp?, size: Int64, modified: Timestamp, changed: Timestamp
  ) {
    self.device = device
    self.inode = inode
    self.birth = birth
    self.size = size
    self.modified = modified
    self.changed = changed
  }

  /// The same inode in the same life of its number; the content may differ.
  package func isSameFile(as other: FileIdentity) -> Bool {
    device == other.device && inode == other.inode && birth == other.birth
  }
}
