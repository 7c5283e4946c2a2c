import Filesystem
import Glibc
import StayposCore
import Synchronization
import SystemPackage

/// The quarantine directory: for every object a file named by its id, the original inode where the file system allows,
/// and `ID.json`, its record. A record is on the disk before its file moves and goes after it, so whatever ends the
/// daemon, ``recover()`` finds every file either in its place or here.
///
/// Thread-safe; calls block. Names in upload directories that begin with ``temporaryPrefix`` are the quarantine's own.
package final class Quarantine: Sendable {
  package static let temporaryPrefix = ".staypos-"

  package struct Totals: Sendable, Equatable {
    package var count: Int
    package var bytes: Int64

    package init(count: Int, bytes: Int64) {
      self.count = count
      self.bytes = bytes
    }
  }

  /// A file in the directory that is not what it should be; it is never touched.
  package struct Problem: Sendable, Equatable {
    package var name: String
    package var error: QuarantineError
  }

  /// How an object left, for whoever keeps an index.
  package enum Departure: Sendable {
    /// Given back; nil if what was given back is not at the target any more.
    case restored(QuarantineRecord, as: FileIdentity?)
    case deleted(QuarantineRecord)
  }

  package let path: FilePath
  let directory: Directory
  private let host: String

  private struct Ledger {
    var totals: Totals
    /// 0: no limit.
    var maxBytes: Int64
    /// Objects that an operation works on.
    var busy: Set<QuarantineID> = []
  }
  private let ledger: Mutex<Ledger>

  /// Opens the directory, making it with mode 0700 if it is missing.
  ///
  /// - Parameters:
  ///   - path: absolute; no component may be a symbolic link.
  ///   - maxBytes: the sum of the objects' sizes; 0: no limit.
  package init(directory path: FilePath, maxBytes: Int64) throws(QuarantineError) {
    do {
      self.path = path
      host = Self.hostName
      let location = try FileLocation(path)
      do throws(FilesystemError) {
        try location.directory.makeDirectory(location.name, mode: 0o700)
        try location.directory.sync()
      } catch {
        guard error.code == .exists else { throw error }
      }
      directory = try Directory(opening: location.name, in: location.directory)
      let status = try directory.descriptor.status()
      guard status.uid == geteuid() else {
        throw QuarantineError(
          .permission, "the quarantine belongs to uid \(status.uid), not to the daemon: chown it to \(geteuid())",
          path: path)
      }
      if status.mode != 0o700 { try directory.descriptor.setMode(0o700) }
      guard flock(directory.descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
        throw QuarantineError(
          .busy, "another stayposd uses this quarantine: stop it, or give this one a directory of its own", path: path)
      }
      var totals = Totals(count: 0, bytes: 0)
      var stream = try DirectoryStream(directory)
      while let entry = try stream.next() {
        guard QuarantineID(entry.name.string) != nil else { continue }
        totals.count += 1
        totals.bytes += try directory.status(of: entry.name).identity.size
      }
      ledger = Mutex(Ledger(totals: totals, maxBytes: maxBytes))
    } catch {
      throw QuarantineError(error)
    }
  }

  deinit {
    // A child that has not come to its exec yet holds a copy of the descriptor, and with it the lock.
    _ = flock(directory.descriptor.rawValue, LOCK_UN)
  }

  /// Whether a path is, or was, a name that moves of an object use for a moment: of a file set aside, of a copy on its way
  /// out. Anybody can give a file such a name: one that stays there is an upload like any other.
  package static func isTemporary(_ path: FilePath) -> Bool { temporaryObject(path) != nil }

  /// Whether such a move goes on at this path right now.
  package func isMoving(_ path: FilePath) -> Bool {
    guard let id = Self.temporaryObject(path) else { return false }
    return ledger.withLock { $0.busy.contains(id) }
  }

  private static func temporaryObject(_ path: FilePath) -> QuarantineID? {
    guard let name = path.lastComponent?.string, name.hasPrefix(temporaryPrefix) else { return nil }
    return QuarantineID(String(name.dropFirst(temporaryPrefix.count)))
  }

  /// Of the objects that are here now.
  package var totals: Totals { ledger.withLock { $0.totals } }

  /// 0: no limit.
  package var maxBytes: Int64 { ledger.withLock { $0.maxBytes } }

  /// For what arrives from now on; 0: no limit.
  package func setMaxBytes(_ maxBytes: Int64) {
    ledger.withLock { $0.maxBytes = maxBytes }
  }

  /// All records that can be read, the oldest first, and what is wrong with the rest.
  package func records() throws(QuarantineError) -> (records: [QuarantineRecord], problems: [Problem]) {
    do {
      var records: [QuarantineRecord] = []
      var problems: [Problem] = []
      for id in try identifiers(withSuffix: ".json") {
        do throws(QuarantineError) {
          records.append(try record(id))
        } catch {
          problems.append(Problem(name: "\(id).json", error: error))
        }
      }
      return (records, problems)
    } catch {
      throw QuarantineError(error)
    }
  }

  /// Of all records, readable or not, the oldest first.
  package func identifiers() throws(QuarantineError) -> [QuarantineID] {
    do throws(FilesystemError) {
      return try identifiers(withSuffix: ".json")
    } catch {
      throw QuarantineError(error)
    }
  }

  package func record(_ id: QuarantineID) throws(QuarantineError) -> QuarantineRecord {
    let json: [UInt8]
    do throws(FilesystemError) {
      json = try RegularFile(opening: Self.recordName(id), in: directory).descriptor.readAll(limit: 1 << 24)
    } catch {
      switch error.code {
      case .notFound: throw QuarantineError(.notFound, "there is no quarantined file \(id)")
      case .tooLarge:
        throw QuarantineError(
          .tampered, "the record of \(id) is larger than any that was written: put a copy of \(id).json back")
      default: throw QuarantineError(error)
      }
    }
    return try QuarantineRecord(reading: json, id: id)
  }

  /// The object's content, for export; nothing is checked against the record.
  package func open(_ id: QuarantineID) throws(QuarantineError) -> Descriptor {
    do throws(FilesystemError) {
      let file = try RegularFile(opening: Self.objectName(id), in: directory)
      // A descriptor cannot be moved out of its owner.
      let copy = fcntl(file.descriptor.rawValue, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { throw FilesystemError(errno: Errno(rawValue: errno), operation: "open the object") }
      return Descriptor(owning: copy)
    } catch {
      throw error.code == .notFound
        ? QuarantineError(.notFound, "there is no quarantined file \(id)") : QuarantineError(error)
    }
  }

  /// Destroys an object and its record.
  ///
  /// - Parameter beforeForgetting: called when the object is gone. If it throws, the record stays, to be deleted again or
  ///   by ``recover(beforeForgetting:)``.
  package func delete(
    _ id: QuarantineID, beforeForgetting: (Departure) throws -> Void = { _ in }
  ) throws(QuarantineError) -> QuarantineRecord {
    try exclusively(id) {
      var record = try self.record(id)
      guard record.state != .restoring else {
        throw QuarantineError(.busy, "\(id) is being restored: restart the daemon, which finishes that")
      }
      let original = record
      record.state = .deleting
      do {
        try self.write(record)
      } catch let error as FilesystemError where error.code == .noSpace {
        // On a full disk this is what makes room. Killed in between, a record without its object is left, which is told.
        // Other names of the object, and snapshots, may hold its space: nothing waits for that.
        try self.removeObject(record)
        try? self.write(record)
      }
      try Failpoint.hit("delete.recorded")
      try self.removeObject(record)
      try Failpoint.hit("delete.objectRemoved")
      try beforeForgetting(.deleted(record))
      try Failpoint.hit("delete.told")
      try self.removeRecord(id)
      Failpoint.pass("delete.forgotten")
      return original
    }
  }
}

// Steps that several operations share.
extension Quarantine {
  // An id is a valid name by its type.
  static func objectName(_ id: QuarantineID) -> FilePath.Component { FilePath.Component(id.description)! }
  static func recordName(_ id: QuarantineID) -> FilePath.Component { FilePath.Component("\(id).json")! }
  static func partName(_ id: QuarantineID) -> FilePath.Component { FilePath.Component(".\(id).part")! }
  /// In a directory outside.
  static func temporaryName(_ id: QuarantineID) -> FilePath.Component {
    FilePath.Component("\(temporaryPrefix)\(id)")!
  }

  /// Durable when it returns.
  func write(_ record: QuarantineRecord, new: Bool = false) throws {
    try directory.writeAtomically(try record.json(), to: Self.recordName(record.id), mode: 0o400, noReplace: new)
  }

  func removeRecord(_ id: QuarantineID) throws {
    try directory.unlink(Self.recordName(id))
    try directory.sync()
  }

  /// Nothing if it is gone already.
  func removeObject(_ record: QuarantineRecord) throws {
    do throws(FilesystemError) {
      try directory.unlink(Self.objectName(record.id))
    } catch {
      guard error.code == .notFound else { throw error }
      return
    }
    try directory.sync()
    forget(bytes: record.size)
  }

  func exists(_ name: FilePath.Component) throws(FilesystemError) -> Bool {
    try status(of: name, in: directory) != nil
  }

  /// nil if there is nothing of that name.
  func status(of name: FilePath.Component, in directory: borrowing Directory) throws(FilesystemError) -> FileStatus? {
    do throws(FilesystemError) {
      return try directory.status(of: name)
    } catch {
      guard error.code == .notFound else { throw error }
      return nil
    }
  }

  /// Ids of all files called `ID` and a suffix, sorted.
  func identifiers(withSuffix suffix: String) throws(FilesystemError) -> [QuarantineID] {
    var ids: [QuarantineID] = []
    var stream = try DirectoryStream(directory)
    while let entry = try stream.next() {
      let name = entry.name.string
      guard name.hasSuffix(suffix), let id = QuarantineID(String(name.dropLast(suffix.count))) else { continue }
      ids.append(id)
    }
    return ids.sorted()
  }

  /// One operation at a time on an object.
  func exclusively<Value>(_ id: QuarantineID, _ body: () throws -> Value) throws(QuarantineError) -> Value {
    guard ledger.withLock({ $0.busy.insert(id).inserted }) else {
      throw QuarantineError(.busy, "another operation works on \(id): try again")
    }
    defer { ledger.withLock { _ = $0.busy.remove(id) } }
    do {
      return try body()
    } catch {
      throw QuarantineError(error)
    }
  }

  /// Counts an object in before it arrives, so that two at once cannot exceed the limit.
  func reserve(bytes: Int64) throws(QuarantineError) {
    let exceeded = ledger.withLock { ledger -> Int64? in
      guard ledger.maxBytes == 0 || ledger.totals.bytes + bytes <= ledger.maxBytes else { return ledger.maxBytes }
      ledger.totals.bytes += bytes
      ledger.totals.count += 1
      return nil
    }
    guard let exceeded else { return }
    throw QuarantineError(
      .full,
      "the quarantine may hold \(exceeded) bytes and \(bytes) more do not fit: delete objects or raise "
        + "[quarantine] max_bytes", path: path)
  }

  func forget(bytes: Int64) {
    ledger.withLock { ledger in
      ledger.totals.bytes -= bytes
      ledger.totals.count -= 1
    }
  }

  var hostName: String { host }

  private static var hostName: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
