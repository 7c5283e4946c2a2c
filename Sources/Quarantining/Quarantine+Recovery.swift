import Filesystem
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
    if record.copied {
      // Nothing that lies under its own name is ever removed here: the copy goes, and the file is scored again.
      if let location = try Self.place(of: record.path) {
        if Self.isInPlace(record, location) {
          try removeObject(record)
          Failpoint.pass("recovery.copyWithdrawn")
          try removeRecord(record.id)
          recovery.leftInPlace.append(record)
          return
        }
        try finishRemoval(record, location)
        Failpoint.pass("recovery.sourceRemoved")
      }
    } else if !object.identity.isSameFile(as: record.identity) {
      // Another file had taken its place just before the move.
      try giveBack(record, to: try FileLocation(record.path))
      Failpoint.pass("recovery.givenBack")
      forget(bytes: object.identity.size)
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

  /// The source was taken aside to be unlinked.
  private func finishRemoval(_ record: QuarantineRecord, _ location: borrowing FileLocation) throws {
    let aside = Self.temporaryName(record.id)
    guard let status = try status(of: aside, in: location.directory) else { return }
    guard status.identity.isSameFile(as: record.identity) else {
      throw QuarantineError(
        .replaced, "a file that was set aside is not the one that was copied: look at it",
        path: location.directory.path.appending(aside))
    }
    try location.directory.unlink(aside)
    try location.directory.sync()
  }

  private func recoverRestore(
    _ record: QuarantineRecord, _ object: FileStatus?, _ recovery: inout Recovery
  ) throws -> Departure? {
    guard let restoration = record.restoration else { return nil }
    let location = try Self.place(of: restoration.target)
    var (identity, intact): (FileIdentity?, FileIdentity?)
    if let location {
      // Only ever a copy of ours: the name holds 64 random bits.
      if object != nil, try status(of: Self.temporaryName(record.id), in: location.directory) != nil {
        try location.directory.unlink(Self.temporaryName(record.id))
      }
      identity = try status(of: location.name, in: location.directory)?.identity
      // Whatever lies there: only what was given back counts as known.
      intact = Self.identity(ofContentOf: record, at: location)
    }
    if object != nil {
      guard let identity, let copy = restoration.copy, identity.isSameFile(as: copy) else {
        try undo(record)
        Failpoint.pass("recovery.undone")
        recovery.notRestored.append(record)
        return nil
      }
      try removeObject(record)
      Failpoint.pass("recovery.objectRemoved")
    }
    return .restored(record, as: intact)
  }

  /// nil if there is no file, or one of other bytes.
  private static func identity(
    ofContentOf record: QuarantineRecord, at location: borrowing FileLocation
  ) -> FileIdentity? {
    guard let file = try? RegularFile(opening: location.name, in: location.directory),
      (try? verify(file.descriptor, holds: record.size, record.sha256, orElse: .replaced, "")) != nil,
      let identity = try? file.descriptor.status().identity, identity == file.status.identity
    else { return nil }
    return identity
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
