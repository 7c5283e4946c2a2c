import GRDB
import Glibc
import StayposCore
import Synchronization
import SystemPackage

/// What the daemon must not forget: the queue, the history of verdicts, the settings made at run time, the allowlist and
/// an index of the quarantine, in one SQLite file, `catalogue.sqlite`.
///
/// Every change is one transaction that is on the disk when the call returns (write-ahead log, `synchronous=FULL`), so a
/// daemon killed at any moment finds a consistent state. Calls block: make them from dedicated threads, from as many as
/// you like. Sums are kept in memory; what clients list (history, queue) is read over a connection of its own, so that no list, however
/// long, holds up the way of a file to its verdict.
package final class Catalogue: Sendable {
  let file: FilePath
  private let database: DatabaseQueue
  /// For reading only.
  private let reader: DatabaseQueue
  private let lock: LockFile
  private let sums = Mutex(CatalogueTotals())

  /// Opens or creates the catalogue in `directory`, brings its schema up to date and checks it.
  ///
  /// - Parameter directory: exists and belongs to the daemon's user.
  /// - Throws: `locked` if another daemon has it, `corrupt`, `tooNew`, `permission`, `noSpace`, `io`.
  package init(directory: FilePath) throws(CatalogueError) {
    file = directory.appending("catalogue.sqlite")
    guard let name = String(validating: file) else {
      throw CatalogueError(.invalid, "the [state] directory \(directory.escaped) must be UTF-8: choose another")
    }
    lock = try LockFile(directory.appending("catalogue.lock"))
    try Self.create(file)
    do {
      var configuration = Configuration()
      configuration.label = "catalogue"
      configuration.journalMode = .wal
      // Somebody may look into the file with sqlite3(1).
      configuration.busyMode = .timeout(5)
      database = try DatabaseQueue(path: name, configuration: configuration)
      try database.writeWithoutTransaction { database in
        // GRDB sets NORMAL with a write-ahead log, which may lose the last verdicts in a power cut.
        try database.execute(sql: "PRAGMA synchronous = FULL")
        try database.execute(sql: "PRAGMA temp_store = MEMORY")
        let complaints = try String.fetchAll(database, sql: "PRAGMA quick_check(3)")
        guard complaints == ["ok"] else {
          throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: complaints.joined(separator: "; "))
        }
      }
      let migrator = Self.migrator
      if try database.read(migrator.hasBeenSuperseded) {
        throw CatalogueError(
          .tooNew, "\(file.escaped) was written by a later version of staypos: install that version, or move it away")
      }
      try migrator.migrate(database)
      try database.write { database in
        try Self.createTemporaryTables(database)
        try Self.uniteAll(in: database)
        try CatalogueTotals.beginCounting(in: database)
      }
      configuration.label = "catalogue-lists"
      configuration.readonly = true
      configuration.journalMode = .default
      // KiB: it is rarely used.
      configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -512") }
      reader = try DatabaseQueue(path: name, configuration: configuration)
      let totals = try database.read(CatalogueTotals.init(in:))
      sums.withLock { $0 = totals }
    } catch {
      throw CatalogueError(error, doing: "open the catalogue", file: file)
    }
  }

  /// One transaction; all or nothing.
  func write<Value>(_ doing: String, _ body: (Database) throws -> Value) throws(CatalogueError) -> Value {
    do {
      return try database.write { database in
        let value = try body(database)
        let totals = try CatalogueTotals(in: database)
        // Before the next transaction begins: the last one to be kept is the latest.
        database.afterNextTransaction { [self] _ in sums.withLock { $0 = totals } }
        return value
      }
    } catch {
      throw CatalogueError(error, doing: doing, file: file)
    }
  }

  /// A failpoint inside a transaction: an error is what SQLite makes of it.
  @inline(__always) static func step(_ name: Failpoint.Name) throws {
    do {
      try Failpoint.hit(name)
    } catch {
      throw DatabaseError(resultCode: error as? Errno == .noSpace ? .SQLITE_FULL : .SQLITE_IOERR)
    }
  }

  func read<Value>(_ doing: String, _ body: (Database) throws -> Value) throws(CatalogueError) -> Value {
    do {
      return try database.read(body)
    } catch {
      throw CatalogueError(error, doing: doing, file: file)
    }
  }

  /// For people. From memory, at once.
  package var totals: CatalogueTotals { sums.withLock { $0 } }

  /// A list for people: as of a moment ago, and behind nothing but other lists.
  func list<Value>(_ doing: String, _ body: (Database) throws -> Value) throws(CatalogueError) -> Value {
    do {
      return try reader.read(body)
    } catch {
      throw CatalogueError(error, doing: doing, file: file)
    }
  }

  /// Private to the daemon whatever its umask; SQLite gives its -wal and -shm the same mode.
  private static func create(_ file: FilePath) throws(CatalogueError) {
    let descriptor = file.withPlatformString { open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600) }
    guard descriptor >= 0 else { throw CatalogueError(opening: file, Errno(rawValue: errno)) }
    defer { close(descriptor) }
    guard fchmod(descriptor, 0o600) == 0 else { throw CatalogueError(opening: file, Errno(rawValue: errno)) }
  }
}
