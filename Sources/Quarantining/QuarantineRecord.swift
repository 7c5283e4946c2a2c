import Filesystem
import StayposCore
import SystemPackage

/// Everything about a quarantined file; kept as JSON beside the object, and enough to restore it exactly.
package struct QuarantineRecord: Sendable, Equatable {
  package static let currentFormat = 1

  package enum State: String, Sendable, Codable {
    /// On its way in: without an object of its name nothing has happened yet.
    case prepared
    case quarantined
    /// On its way out.
    case restoring
    case deleting
  }

  package struct Model: Sendable, Equatable, Codable {
    package var name: String
    /// Of the model file.
    package var sha256: SHA256Digest

    package init(name: String, sha256: SHA256Digest) {
      self.name = name
      self.sha256 = sha256
    }
  }

  /// Where a restore is going, so that one cut short can be finished or undone.
  package struct Restoration: Sendable, Equatable {
    package var target: FilePath
    /// Of a copy on another file system, before it gets the target's name.
    package var copy: FileIdentity?
  }

  package var id: QuarantineID
  package var state: State
  /// Where the file was; absolute, without `.` and `..`.
  package var path: FilePath
  /// As the file was found when it was taken, still under its path.
  package var identity: FileIdentity
  package var sha256: SHA256Digest
  package var metadata: FileMetadata
  /// Names that the inode had. More than one: it can still be reached under another.
  package var links: UInt64
  /// Somebody had it open for writing; nil if the kernel does not tell.
  package var writerOpen: Bool?
  package var score: Score
  package var threshold: Threshold
  package var model: Model
  package var time: Timestamp
  package var host: String
  /// The object is a copy, for the file was on another file system or mount.
  package var copied: Bool
  package var restoration: Restoration?

  /// Bytes.
  package var size: Int64 { identity.size }
}

/// What a file has besides its content and its name; owners by number.
package struct FileMetadata: Sendable, Equatable {
  package var uid: UInt32
  package var gid: UInt32
  /// `0o7777`
  package var mode: UInt32
  package var modified: Timestamp
  /// With ACLs (`system.posix_acl_access`), sorted by name.
  package var attributes: [ExtendedAttribute]
  /// There were more, too large together to be kept. On the inode itself they stay; a copy loses them.
  package var attributesOmitted: Bool
}
