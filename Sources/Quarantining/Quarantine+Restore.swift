import Filesystem
import StayposCore
import SystemPackage

/// Out of the quarantine.
extension Quarantine {
  package struct Restored: Sendable, Equatable {
    package var path: FilePath
    /// As the file is now: what to remember so that it is not quarantined again.
    package var identity: FileIdentity
    package var record: QuarantineRecord
  }

  /// Gives a file back with its owner, mode, times, attributes and ACL. Nothing is ever overwritten.
  ///
  /// - Parameters:
  ///   - target: absolute; nil: where it came from.
  ///   - beforePublishing: gets the identity of what is about to appear at the target, but for its change time. If it
  ///     throws, the object stays here.
  ///   - beforeForgetting: called when the file is in its place. If it throws, the record stays, and ``recover(beforeForgetting:)``
  ///     goes on from it.
  /// - Throws: `exists`, `parent-missing`, `symlink`: name another target. `evidence-changed`, `metadata`: it cannot be given
  ///   back as it was. The object stays here in every case but a failure of `beforeForgetting`.
  package func restore(
    _ id: QuarantineID, to target: FilePath? = nil,
    beforePublishing: (FileIdentity) throws -> Void = { _ in },
    beforeForgetting: (Departure) throws -> Void = { _ in }
  ) throws(QuarantineError) -> Restored {
    try exclusively(id) {
      var record = try self.record(id)
      guard record.state == .quarantined || record.state == .prepared else {
        throw QuarantineError(
          .busy,
          "\(id) is being \(record.state == .deleting ? "deleted" : "restored"): restart the daemon, which finishes that"
        )
      }
      let path = target ?? record.path
      let location = try Self.locateTarget(path)
      let object: RegularFile
      do throws(FilesystemError) {
        object = try RegularFile(opening: Self.objectName(id), in: self.directory)
      } catch {
        guard error.code == .notFound else { throw error }
        throw QuarantineError(.notFound, "the content of \(id) is gone; only its record is left: delete it")
      }
      try Self.verify(
        object.descriptor, holds: record.size, record.sha256, orElse: .evidenceChanged,
        "the content of \(id) is not what was quarantined, and is not given back: if it is wanted all the same, copy it out "
          + "of the quarantine by hand and delete \(id)")
      record.state = .restoring
      record.restoration = QuarantineRecord.Restoration(target: path)
      let original = record
      do {
        try self.write(record)
        try Failpoint.hit("restore.recorded")
        let restored = try self.restore(
          &record, object.descriptor, to: location, beforePublishing: beforePublishing)
        try beforeForgetting(.restored(restored.record, as: restored.identity))
        try Failpoint.hit("restore.told")
        // The file is where it belongs. A record left behind says so to recovery.
        try? self.removeRecord(id)
        Failpoint.pass("restore.forgotten")
        return restored
      } catch {
        // Only if it is still here; otherwise it is restored, and recovery tidies up.
        if (try? self.exists(Self.objectName(id))) == true,
          record.restoration == original.restoration || !Self.isPublished(record)
        {
          try self.undo(record)
          Failpoint.pass("restore.undone")
        }
        throw error
      }
    }
  }

  private func restore(
    _ record: inout QuarantineRecord, _ object: borrowing Descriptor, to location: borrowing FileLocation,
    beforePublishing: (FileIdentity) throws -> Void
  ) throws -> Restored {
    let links = try object.status().links
    // For another mount a copy gets it: this file system may not take what that one does.
    if try directory.descriptor.status().mountID == location.directory.descriptor.status().mountID {
      try Self.apply(record, to: object)
    }
    try Failpoint.hit("restore.prepared")
    try object.sync()
    try beforePublishing(try object.status().identity)
    var copied = false
    do throws(FilesystemError) {
      try directory.move(Self.objectName(record.id), to: location.directory, as: location.name)
    } catch {
      switch error.code {
      case .crossDevice, .unsupported: copied = true
      case .exists: throw Self.taken(record.restoration?.target)
      default: throw error
      }
    }
    let identity: FileIdentity
    if copied {
      FileMetadata.lockDown(object)
      identity = try copyOut(&record, object, to: location, beforePublishing: beforePublishing)
    } else {
      forget(bytes: record.size)
      try Failpoint.hit("restore.moved")
      try location.directory.sync()
      try directory.sync()
      identity = try object.status().identity
    }
    record.links = links
    var result = record
    result.state = .quarantined
    result.restoration = nil
    return Restored(path: location.directory.path.appending(location.name), identity: identity, record: result)
  }

  private func copyOut(
    _ record: inout QuarantineRecord, _ object: borrowing Descriptor, to location: borrowing FileLocation,
    beforePublishing: (FileIdentity) throws -> Void
  ) throws -> FileIdentity {
    let temporary = Self.temporaryName(record.id)
    let copy = try location.directory.open(temporary, .create(mode: 0o600))
    do {
      do throws(FilesystemError) {
        _ = try object.copyContent(to: copy, limit: record.size)
      } catch {
        throw FilesystemError(error, path: location.directory.path)
      }
      try Failpoint.hit("restore.copied")
      try Self.verify(
        copy, holds: record.size, record.sha256, orElse: .io, "the copy is not what was read: check the disk")
      try Self.apply(record, to: copy)
      try copy.sync()
      let identity = try copy.status().identity
      record.restoration?.copy = identity
      try write(record)
      try beforePublishing(identity)
      try Failpoint.hit("restore.copyRecorded")
      do throws(FilesystemError) {
        try location.directory.move(temporary, to: location.directory, as: location.name)
      } catch {
        guard error.code == .exists else { throw error }
        throw Self.taken(record.restoration?.target)
      }
    } catch {
      try? location.directory.unlink(temporary)
      throw error
    }
    try Failpoint.hit("restore.published")
    try location.directory.sync()
    let identity = try copy.status().identity
    try removeObject(record)
    try Failpoint.hit("restore.objectRemoved")
    return identity
  }

  /// Back to how it was before a restore was tried.
  func undo(_ restoring: QuarantineRecord) throws {
    var record = restoring
    record.state = .quarantined
    record.restoration = nil
    if let object = try? RegularFile(opening: Self.objectName(record.id), in: directory) {
      FileMetadata.lockDown(object.descriptor)
    }
    try write(record)
  }

  /// The copy of a restore to another file system has the target's name.
  static func isPublished(_ record: QuarantineRecord) -> Bool {
    guard let restoration = record.restoration, let copy = restoration.copy,
      let location = try? FileLocation(restoration.target),
      let status = try? location.directory.status(of: location.name)
    else { return false }
    return status.identity.isSameFile(as: copy)
  }

  private static func apply(_ record: QuarantineRecord, to file: borrowing Descriptor) throws {
    let refused: [String]
    do throws(FilesystemError) {
      refused = try record.metadata.apply(to: file)
    } catch {
      guard error.code == .permissionDenied else { throw error }
      throw QuarantineError(
        .metadata,
        "cannot give it back to \(record.metadata.uid):\(record.metadata.gid) with mode "
          + "\(String(record.metadata.mode, radix: 8)): the daemon needs CAP_CHOWN and CAP_FOWNER, or its user must be "
          + "the owner", errno: error.errno)
    }
    guard refused.isEmpty else {
      throw QuarantineError(
        .metadata,
        "the file system there does not take the attributes \(refused.joined(separator: ", ")): name a path on another "
          + "with --to")
    }
  }

  private static func locateTarget(_ path: FilePath) throws -> FileLocation {
    guard path.isPlain else {
      throw QuarantineError(.tampered, "the target must be an absolute path without . and ..", path: path)
    }
    let location: FileLocation
    do throws(FilesystemError) {
      location = try FileLocation(path)
    } catch {
      switch error.code {
      case .notFound, .notDirectory:
        throw QuarantineError(
          .parentMissing, "its directory is gone: make it again, or name another path with --to", path: path)
      case .symlink:
        throw QuarantineError(
          .symlink, "a directory of the path is a symbolic link, which is not followed: name the real path", path: path)
      default: throw error
      }
    }
    let present: FileStatus
    do throws(FilesystemError) {
      present = try location.directory.status(of: location.name)
    } catch {
      guard error.code == .notFound else { throw error }
      return location
    }
    guard present.kind != .symlink else {
      throw QuarantineError(
        .symlink, "a symbolic link is there: remove it, or name another path with --to", path: path)
    }
    throw taken(path)
  }

  private static func taken(_ path: FilePath?) -> QuarantineError {
    QuarantineError(
      .exists, "something is there, and nothing is overwritten: move that away, or name another path with --to",
      path: path)
  }
}
