import Filesystem
import Hashing
import StayposCore
import SystemPackage

/// Into the quarantine.
extension Quarantine {
  /// Moves a file here. Its record is durable first; on one file system the move is a rename, otherwise a verified copy
  /// followed by the removal of the source.
  ///
  /// - Parameters:
  ///   - path: where the file should still be; absolute.
  ///   - file: the very file that was scored, open for reading. Only it is ever moved, whatever the path says.
  ///   - identity: as scored. If it has changed since, the content is hashed again.
  /// - Throws: `vanished`, `replaced`, `changed`, `symlink`: there is nothing to do but to look at the path again.
  ///   `full`, `no-space`, `permission`, `io`: the file is still in its place.
  package func take(
    path: FilePath, file: borrowing Descriptor, identity: FileIdentity, sha256: SHA256Digest, score: Score,
    threshold: Threshold, model: QuarantineRecord.Model, time: Timestamp
  ) throws(QuarantineError) -> QuarantineRecord {
    do {
      let location = try Self.locate(path)
      let status = try Self.verify(file, is: identity, sha256)
      try Self.check(location, names: status.identity)
      let writer = WriterLease.writer(of: file)
      let id = QuarantineID(at: time)
      let record = QuarantineRecord(
        id: id, state: .prepared, path: path, identity: status.identity, sha256: sha256,
        metadata: try FileMetadata(of: file, status: status), links: status.links,
        writerOpen: writer == .unknown ? nil : writer == .writerOpen, score: score, threshold: threshold, model: model,
        time: time, host: hostName, copied: false)
      try reserve(bytes: record.size)
      return try exclusively(id) { try self.take(record, file, location) }
    } catch {
      throw QuarantineError(error)
    }
  }

  private func take(
    _ prepared: QuarantineRecord, _ file: borrowing Descriptor, _ location: borrowing FileLocation
  ) throws -> QuarantineRecord {
    var record = prepared
    do {
      try write(record, new: true)
      try Failpoint.hit("take.recordWritten")
      do throws(FilesystemError) {
        try Self.rename(location, to: directory, as: Self.objectName(record.id))
      } catch {
        switch error.code {
        case .crossDevice, .unsupported: record.copied = true
        case .notFound: throw QuarantineError(.vanished, "it is gone", path: record.path)
        default: throw error
        }
      }
      if record.copied {
        try copyIn(record, file, location)
      } else {
        try confirmMove(record, file, location)
      }
    } catch {
      // An object that could not be given back keeps its record, from which recovery goes on.
      if (try? exists(Self.objectName(record.id))) == false {
        try? removeRecord(record.id)
        forget(bytes: record.size)
        Failpoint.pass("take.withdrawn")
      }
      throw error
    }
    // A copy was made out of reach. The other names of what was copied are none of the quarantine's.
    if !record.copied {
      FileMetadata.lockDown(file)
      try? file.sync()
    }
    record.state = .quarantined
    // The file is safe here. A record that still says `prepared` means the same to all that read it, and is put right by
    // the recovery of the next start: no reason to try again, nor to report a move as failed that is done.
    try? write(record)
    Failpoint.pass("take.recorded")
    return record
  }

  /// To a name that nobody else can know, so that there is nothing to replace, which a file system without
  /// RENAME_NOREPLACE could not tell. Not by link and unlink: what got the old name in between would be gone.
  private static func rename(
    _ location: borrowing FileLocation, to directory: borrowing Directory, as name: FilePath.Component
  ) throws(FilesystemError) {
    do throws(FilesystemError) {
      try location.directory.rename(location.name, to: directory, as: name, noReplace: true)
    } catch {
      guard error.code == .unsupported else { throw error }
      try location.directory.rename(location.name, to: directory, as: name, noReplace: false)
    }
  }

  /// After the rename: is it the file that was scored? Then makes it durable.
  private func confirmMove(
    _ record: QuarantineRecord, _ file: borrowing Descriptor, _ location: borrowing FileLocation
  ) throws {
    do {
      try Failpoint.hit("take.moved")
      let moved = try directory.status(of: Self.objectName(record.id))
      guard moved.identity.isSameFile(as: record.identity) else {
        throw QuarantineError(.replaced, "another file took its place while it was moved", path: record.path)
      }
      // The rename has changed ctime; size and mtime must have stayed since it was verified.
      guard moved.identity.size == record.size, moved.identity.modified == record.identity.modified else {
        throw QuarantineError(.changed, "it was changed while it was moved", path: record.path)
      }
      try file.sync()
      try directory.sync()
      try location.directory.sync()
      try Failpoint.hit("take.synced")
    } catch {
      try giveBack(record, to: location)
      Failpoint.pass("take.givenBack")
      throw error
    }
  }

  /// Moves an object back to where it came from; if that name is taken meanwhile, beside it under a name of its own.
  func giveBack(_ record: QuarantineRecord, to location: borrowing FileLocation) throws {
    try Self.putBack(Self.objectName(record.id), of: record.id, in: directory, to: location)
    try directory.sync()
  }

  static func putBack(
    _ name: FilePath.Component, of id: QuarantineID, in directory: borrowing Directory,
    to location: borrowing FileLocation
  ) throws {
    do throws(FilesystemError) {
      try directory.move(name, to: location.directory, as: location.name)
    } catch {
      guard error.code == .exists else { throw error }
      try directory.move(name, to: location.directory, as: FilePath.Component("restored-\(id)")!)
    }
    try location.directory.sync()
  }

  private func copyIn(
    _ record: QuarantineRecord, _ file: borrowing Descriptor, _ location: borrowing FileLocation
  ) throws {
    let (part, object) = (Self.partName(record.id), Self.objectName(record.id))
    try write(record)
    try Failpoint.hit("take.copyRecorded")
    do {
      let copy = try directory.open(part, .create(mode: 0o400))
      _ = try file.copyContent(to: copy, limit: record.size)
      try Failpoint.hit("take.copied")
      // If that is why the copy is another, it is no fault of the disk.
      try Self.requireUnchanged(file, record)
      try copy.setModified(record.metadata.modified)
      try Self.verify(
        copy, holds: record.size, record.sha256, orElse: .io, "the copy is not what was read: check the disk")
      try copy.sync()
      try Self.requireUnchanged(file, record)
      try directory.move(part, to: directory, as: object)
      try directory.sync()
      try Failpoint.hit("take.published")
      try removeSource(record, location)
    } catch {
      try? directory.unlink(part)
      // Nothing has removed the source. Unless it is still set aside, whatever became of it is not our doing, and the copy
      // goes; else the record stays for recovery.
      if (try? status(of: Self.temporaryName(record.id), in: location.directory)) == .some(nil) {
        try? directory.unlink(object)
      }
      Failpoint.pass("take.copyWithdrawn")
      throw error
    }
    Failpoint.pass("take.sourceRemoved")
    // The copy is durable. Should the removal get lost in a power cut, the file is found and scored again.
    try? location.directory.sync()
  }

  private static func requireUnchanged(_ file: borrowing Descriptor, _ record: QuarantineRecord) throws {
    guard try file.status().identity == record.identity else {
      throw QuarantineError(.changed, "it was changed while it was copied", path: record.path)
    }
  }

  /// Unlinks the copied file and no other. The name is taken aside first: an unlink goes by name alone, and somebody may
  /// put another file under it at any moment.
  private func removeSource(_ record: QuarantineRecord, _ location: borrowing FileLocation) throws {
    let aside = Self.temporaryName(record.id)
    try Self.check(location, names: record.identity)
    try Self.rename(location, to: location.directory, as: aside)
    do {
      try Failpoint.hit("take.setAside")
      // The rename has changed ctime; size and mtime must have stayed.
      let status = try location.directory.status(of: aside)
      guard status.identity.isSameFile(as: record.identity) else {
        throw QuarantineError(.replaced, "another file took its place while it was copied", path: record.path)
      }
      guard status.identity.size == record.size, status.identity.modified == record.identity.modified else {
        throw QuarantineError(.changed, "it was changed while it was copied", path: record.path)
      }
      do throws(FilesystemError) {
        try location.directory.unlink(aside)
      } catch {
        // An error after the deed is none.
        guard try self.status(of: aside, in: location.directory) == nil else { throw error }
      }
    } catch {
      try? Self.putBack(aside, of: record.id, in: location.directory, to: location)
      Failpoint.pass("take.putBack")
      throw error
    }
  }

  /// The recorded file is still where it was.
  static func isInPlace(_ record: QuarantineRecord, _ location: borrowing FileLocation) -> Bool {
    guard let status = try? location.directory.status(of: location.name) else { return false }
    return status.identity.isSameFile(as: record.identity)
  }

  private static func locate(_ path: FilePath) throws -> FileLocation {
    guard path.isPlain else {
      throw QuarantineError(.notFound, "not an absolute path without . and ..", path: path)
    }
    do throws(FilesystemError) {
      return try FileLocation(path)
    } catch {
      guard error.code == .notFound || error.code == .notDirectory else { throw error }
      throw QuarantineError(.vanished, "its directory is gone", path: path)
    }
  }

  /// - Returns: the file's status now, with the same content as when it was scored.
  private static func verify(
    _ file: borrowing Descriptor, is identity: FileIdentity, _ sha256: SHA256Digest
  ) throws -> FileStatus {
    let status = try file.status()
    if status.identity == identity { return status }
    guard status.identity.isSameFile(as: identity) else {
      throw QuarantineError(.replaced, "the open file is not the one that was scored")
    }
    // Renamed, linked, given other rights, or written to: only the content tells.
    try verify(file, holds: identity.size, sha256, orElse: .changed, "its content changed after it was scored")
    guard try file.status().identity == status.identity else {
      throw QuarantineError(.changed, "it keeps changing")
    }
    return status
  }

  static func verify(
    _ file: borrowing Descriptor, holds size: Int64, _ sha256: SHA256Digest, orElse code: QuarantineError.Code,
    _ message: String
  ) throws {
    let digest: SHA256Digest?
    do throws(Errno) {
      digest = try SHA256Digest(contentsOf: file.rawValue, ofSize: size)
    } catch {
      throw FilesystemError(errno: error, operation: "read the file again")
    }
    guard digest == sha256 else { throw QuarantineError(code, message) }
  }

  private static func check(_ location: borrowing FileLocation, names identity: FileIdentity) throws {
    let path = location.directory.path.appending(location.name)
    do throws(FilesystemError) {
      let status = try location.directory.status(of: location.name)
      guard !status.identity.isSameFile(as: identity) else { return }
    } catch {
      guard error.code == .notFound else { throw error }
      throw QuarantineError(.vanished, "it is gone", path: path)
    }
    throw QuarantineError(.replaced, "another file is there now", path: path)
  }
}
