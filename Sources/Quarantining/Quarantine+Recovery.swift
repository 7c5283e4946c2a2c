import Filesystem
import Hashing
import StayposCore
import SystemPackage

/// After a crash.
extension Quarantine {
  package struct Recovery: Sendable, Equatable {
    /// Were on their way in, and are here.
    package var taken: [QuarantineRecord] = []
    /// Were on their way in, and are in their place: to be scored again.
    package var leftInPlace: [QuarantineRecord] = []
    /// Were on their way out, and are out.
    package var restored: [QuarantineRecord] = []
    /// Were on their way out, and are here.
    package var notRestored: [QuarantineRecord] = []
    package var deleted: [QuarantineRecord] = []
    /// For people to look at; nothing was done to them.
    package var problems: [Problem] = []

    /// Nothing was half-done.
    package var changedNothing: Bool {
      taken.isEmpty && leftInPlace.isEmpty && restored.isEmpty && notRestored.isEmpty && deleted.isEmpty
    }
  }

  /// Finishes or undoes whatever was cut short. To be called at start, before anything else; again, it changes nothing.
  ///
  /// - Parameter beforeForgetting: called for each file that is out, before its record goes. What it throws ends the
  ///   recovery, and the next one calls it again.
  package func recover(
    beforeForgetting: (Departure) throws -> Void = { _ in }
  ) throws(QuarantineError) -> Recovery {
    do {
      try removeTemporaryFiles()
      Failpoint.pass("recovery.swept")
      var recovery = Recovery()
      let (records, problems) = try records()
      recovery.problems = problems
      for record in records {
        let departure: Departure?
        do {
          departure = try recover(record, &recovery)
        } catch {
          recovery.problems.append(Problem(name: "\(record.id)", error: QuarantineError(error)))
          continue
        }
        guard let departure else { continue }
        try beforeForgetting(departure)
        try Failpoint.hit("recovery.told")
        try removeRecord(record.id)
        switch departure {
        case .restored: recovery.restored.append(record)
        case .deleted: recovery.deleted.append(record)
        }
      }
      for id in try identifiers(withSuffix: "") where try !exists(Self.recordName(id)) {
        recovery.problems.append(
          Problem(name: "\(id)", error: QuarantineError(.tampered, "an object without a record: put its record back")))
      }
      return recovery
    } catch {
      throw QuarantineError(error)
    }
  }

  /// - Returns: nil if there is nothing to tell and no record to remove.
  private func recover(_ record: QuarantineRecord, _ recovery: inout Recovery) throws -> Departure? {
    let present = try status(of: Self.objectName(record.id), in: directory)
    switch (record.state, present) {
    case (.quarantined, .some): break
    case (.quarantined, nil):
      throw QuarantineError(.notFound, "the content is gone; only the record is left: delete it")
    case (.prepared, nil):
      try removeRecord(record.id)
      recovery.leftInPlace.append(record)
    case (.prepared, let object?): try recoverTake(record, object, &recovery)
    case (.deleting, _):
      try removeObject(record)
      Failpoint.pass("recovery.objectRemoved")
      return .deleted(record)
    case (.restoring, let object): return try recoverRestore(record, object, &recovery)
    }
    return nil
  }

  private func recoverTake(_ record: QuarantineRecord, _ object: FileStatus, _ recovery: inout Recovery) throws {
    if try record.copied ? withdrawCopy(record) : giveBackIfChanged(record, object) {
      try removeRecord(record.id)
      recovery.leftInPlace.append(record)
      return
    }
    var record = record
    let file = try RegularFile(opening: Self.objectName(record.id), in: directory)
    FileMetadata.lockDown(file.descriptor)
    try file.descriptor.sync()
    record.state = .quarantined
    try write(record)
    Failpoint.pass("recovery.taken")
    recovery.taken.append(record)
  }

  /// Nothing that lies under its own name is ever removed here: then the copy goes, and the file is scored again. Nor is
  /// what was set aside, unless it is what was copied: somebody may have gone on writing to it.
  ///
  /// - Returns: whether the file is in its place, and nothing here.
  private func withdrawCopy(_ record: QuarantineRecord) throws -> Bool {
    guard let location = try Self.place(of: record.path) else { return false }
    var isInPlace = Self.isInPlace(record, location)
    let aside = Self.temporaryName(record.id)
    if try status(of: aside, in: location.directory) != nil {
      let copied = try Self.identity(ofContentOf: record, at: aside, in: location.directory)
      if copied?.isSameFile(as: record.identity) == true {
        try location.directory.unlink(aside)
        try location.directory.sync()
        Failpoint.pass("recovery.sourceRemoved")
      } else {
        try Self.putBack(aside, of: record.id, in: location.directory, to: location)
        Failpoint.pass("recovery.putBack")
        isInPlace = true
      }
    }
    guard isInPlace else { return false }
    try removeObject(record)
    Failpoint.pass("recovery.copyWithdrawn")
    return true
  }

  /// Another file may have taken its place just before the move, or somebody has gone on writing to it.
  ///
  /// - Returns: whether the file is in its place, and nothing here.
  private func giveBackIfChanged(_ record: QuarantineRecord, _ object: FileStatus) throws -> Bool {
    let name = Self.objectName(record.id)
    let isRecorded = object.identity.isSameFile(as: record.identity)
    guard let location = try Self.place(of: record.path) else {
      guard isRecorded else {
        throw QuarantineError(
          .replaced, "another file was moved instead, and the directory that both were in is gone: look at it",
          path: path.appending(name))
      }
      return false
    }
    let inPlace = try status(of: location.name, in: location.directory)?.identity
    if inPlace?.isSameFile(as: object.identity) == true {
      // It was on its way back by link and unlink.
      try location.directory.sync()
      try directory.unlink(name)
      try directory.sync()
    } else {
      let isUnchanged = try isRecorded && Self.identity(ofContentOf: record, at: name, in: directory) != nil
      if isUnchanged { return false }
      if isRecorded {
        // It may have been locked already.
        var metadata = record.metadata
        metadata.modified = object.identity.modified
        let file = try RegularFile(opening: name, in: directory)
        _ = try metadata.apply(to: file.descriptor)
      }
      try giveBack(record, to: location)
    }
    Failpoint.pass("recovery.givenBack")
    forget(bytes: object.identity.size)
    return true
  }

  private func recoverRestore(
    _ record: QuarantineRecord, _ object: FileStatus?, _ recovery: inout Recovery
  ) throws -> Departure? {
    guard let restoration = record.restoration else { return nil }
    guard let location = try Self.place(of: restoration.target) else {
      guard object != nil else { return .restored(record, as: nil) }
      try keep(record, &recovery)
      return nil
    }
    if let object {
      // Only ever a copy of ours: the name holds 64 random bits.
      if try status(of: Self.temporaryName(record.id), in: location.directory) != nil {
        try location.directory.unlink(Self.temporaryName(record.id))
      }
      // The copy, or the object itself: it goes by link and unlink where it must.
      let published = try status(of: location.name, in: location.directory)?.identity
      guard published?.isSameFile(as: restoration.copy ?? object.identity) == true else {
        try keep(record, &recovery)
        return nil
      }
      try removeObject(record)
      Failpoint.pass("recovery.objectRemoved")
    }
    // Whatever lies there: only what was given back counts as known.
    return .restored(record, as: try Self.identity(ofContentOf: record, at: location.name, in: location.directory))
  }

  private func keep(_ record: QuarantineRecord, _ recovery: inout Recovery) throws {
    try undo(record)
    Failpoint.pass("recovery.undone")
    recovery.notRestored.append(record)
  }

  /// nil if there is no regular file, or one of other bytes.
  /// - Throws: if it cannot be read: that says nothing of its bytes.
  private static func identity(
    ofContentOf record: QuarantineRecord, at name: FilePath.Component, in directory: borrowing Directory
  ) throws -> FileIdentity? {
    let file: RegularFile
    do throws(FilesystemError) {
      file = try RegularFile(opening: name, in: directory)
    } catch {
      switch error.code {
      case .notFound, .symlink, .wrongKind: return nil
      default: throw error
      }
    }
    let digest: SHA256Digest?
    do throws(Errno) {
      digest = try SHA256Digest(contentsOf: file.descriptor.rawValue, ofSize: record.size)
    } catch {
      throw FilesystemError(errno: error, operation: "read the file again", path: record.path)
    }
    guard digest == record.sha256 else { return nil }
    let identity = try file.descriptor.status().identity
    return identity == file.status.identity ? identity : nil
  }

  /// nil if its directory is gone.
  private static func place(of path: FilePath) throws -> FileLocation? {
    do throws(FilesystemError) {
      return try FileLocation(path)
    } catch {
      guard error.code == .notFound || error.code == .notDirectory else { throw error }
      return nil
    }
  }

  /// Records and copies that never got their names.
  private func removeTemporaryFiles() throws {
    var names: [FilePath.Component] = []
    var stream = try DirectoryStream(directory)
    while let entry = try stream.next() {
      let name = entry.name.string
      let isRecord = name.hasPrefix(Self.temporaryPrefix) && name.hasSuffix(".tmp")
      let isCopy = name.hasPrefix(".") && name.hasSuffix(".part")
      if isRecord || isCopy { names.append(entry.name) }
    }
    for name in names { try directory.unlink(name) }
    if !names.isEmpty { try directory.sync() }
  }
}
