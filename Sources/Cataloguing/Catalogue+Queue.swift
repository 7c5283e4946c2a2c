import FoundationEssentials
import GRDB
import StayposCore
import SystemPackage

/// A settled file on its way into the queue.
package struct Admission: Sendable, Equatable {
  package var path: FilePath
  package var identity: FileIdentity
  package var priority: QueuePriority
  /// Queue it even if this very content has had its verdict: somebody asked, or the model is another one.
  package var again: Bool

  package init(path: FilePath, identity: FileIdentity, priority: QueuePriority, again: Bool = false) {
    self.path = path
    self.identity = identity
    self.priority = priority
    self.again = again
  }
}

package enum AdmissionOutcome: Sendable, Equatable {
  case queued(id: Int64)
  /// The path was waiting already: it keeps its place, with the new identity and the higher priority.
  case coalesced(id: Int64)
  /// This file in this state has had its verdict.
  case alreadyJudged
}

/// A row of the queue as people see it.
package struct QueueEntry: Sendable, Equatable {
  package var item: QueueItem
  /// Being scored.
  package var leased: Bool
  /// Not served before that time.
  package var notBefore: Timestamp

  package init(item: QueueItem, leased: Bool, notBefore: Timestamp) {
    self.item = item
    self.leased = leased
    self.notBefore = notBefore
  }
}

package struct QueueDepth: Sendable, Equatable {
  package var waiting: Int
  package var leased: Int
  /// When the one that came first was queued; nil if there is none.
  package var oldest: Timestamp?

  package init(waiting: Int, leased: Int, oldest: Timestamp?) {
    self.waiting = waiting
    self.leased = leased
    self.oldest = oldest
  }
}

/// The queue. A path waits at most once; a path that is being scored may wait once more, and is not served before the
/// first is done.
extension Catalogue {
  package func enqueue(_ admission: Admission, at now: Timestamp) throws(CatalogueError) -> AdmissionOutcome {
    try write("queue a file") { database in
      let outcome = try Self.enqueue(admission, at: now, in: database)
      try Self.step("admission.queueing")
      return outcome
    }
  }

  /// All in one transaction; the outcomes in the order of `admissions`.
  package func enqueue(_ admissions: [Admission], at now: Timestamp) throws(CatalogueError) -> [AdmissionOutcome] {
    try write("queue files") { database in
      let outcomes = try admissions.map { try Self.enqueue($0, at: now, in: database) }
      try Self.step("admission.queueing")
      return outcomes
    }
  }

  /// The next file to score, marked until it is completed, touched or released.
  ///
  /// - Parameter now: by the clock that ``release(_:notBefore:countAttempt:isWait:identity:)`` goes by; nobody should be
  ///   able to set it. Its times mean nothing to the next run, which calls ``hurry()`` first.
  package func lease(now: Timestamp) throws(CatalogueError) -> QueueItem? {
    try write("take a file from the queue") { database in
      // Whose time has come stands among the others again: an index has those in their order, however many they are.
      try database.cachedStatement(sql: "UPDATE queue SET not_before = 0 WHERE not_before > 0 AND not_before <= ?")
        .execute(arguments: [now.nanoseconds])
      let row = try Row.fetchOne(
        database.cachedStatement(
          sql:
            "SELECT * FROM queue INDEXED BY queue_ready WHERE not_before = 0 AND \(Self.isFree) ORDER BY priority DESC, id LIMIT 1"
        ))
      guard let item = try row.map(QueueItem.init(row:)) else { return nil }
      try database.cachedStatement(sql: "INSERT INTO leased VALUES (?)").execute(arguments: [item.id])
      try Self.step("queue.leasing")
      return item
    }
  }

  /// When ``lease(now:)`` may have something: a time in the past means now, nil not before the queue changes.
  package func nextReady() throws(CatalogueError) -> Timestamp? {
    try read("look at the queue") { database in
      try Int64.fetchOne(
        database.cachedStatement(
          sql: "SELECT not_before FROM queue WHERE \(Self.isFree) ORDER BY not_before LIMIT 1")
      ).map(Timestamp.init(nanoseconds:))
    }
  }

  /// Hands a leased file back. If its path waits again meanwhile, the two become one.
  ///
  /// - Parameters:
  ///   - countAttempt: the attempt failed, and is not to be made without end.
  ///   - isWait: it counts among ``QueueItem/waits``.
  ///   - identity: as the attempt itself has left the file, so that its traces are no news; nil: untouched.
  /// - Returns: which entries are no more; nil if it was in the queue no longer.
  @discardableResult
  package func release(
    _ id: Int64, notBefore: Timestamp, countAttempt: Bool, isWait: Bool = false,
    identity: FileIdentity? = nil
  ) throws(CatalogueError) -> [Int64]? {
    try write("hand a file back to the queue") { database in
      try database.execute(sql: "DELETE FROM leased WHERE id = ?", arguments: [id])
      guard var released = try Self.waiting(id: id, in: database) else { return nil }
      released.notBefore = notBefore
      released.item.identity = identity ?? released.item.identity
      released.item.attempts += countAttempt ? 1 : 0
      released.item.waits += countAttempt && isWait ? 1 : 0
      let others = try Row.fetchAll(
        database,
        sql: """
          SELECT *, 0 AS is_leased FROM queue WHERE path = ? AND id <> ? AND id NOT IN (SELECT id FROM leased)
          """, arguments: [released.item.path.blob, id])
      var ended: [Int64] = []
      for other in try others.map(QueueEntry.init(row:)) {
        ended.append(max(released.item.id, other.item.id))
        released = try Self.unite(released, other, in: database)
      }
      try Self.update(released, in: database)
      try Self.step("queue.releasing")
      return ended
    }
  }

  /// Takes a file out of the queue without a verdict: it was none.
  package func withdraw(_ id: Int64) throws(CatalogueError) {
    try write("take a file out of the queue") { database in
      try Self.remove(id, from: database)
    }
  }

  /// Lets nothing wait any longer: what stood in its way may have been mended.
  package func hurry() throws(CatalogueError) {
    try write("serve the queue at once") { try $0.execute(sql: "UPDATE queue SET not_before = 0 WHERE not_before > 0") }
  }

  /// The same for a few.
  package func hurry(_ ids: Set<Int64>) throws(CatalogueError) {
    try write("serve some files at once") { database in
      let statement = try database.cachedStatement(sql: "UPDATE queue SET not_before = 0 WHERE id = ?")
      for id in ids.sorted() { try statement.execute(arguments: [id]) }
    }
  }

  /// A directory was renamed: what waits below it is found below its new name.
  ///
  /// - Returns: how many files that were; and which entries are no more, for an older one waits under the new path.
  @discardableResult
  package func renamePrefix(
    from old: FilePath, to new: FilePath
  ) throws(CatalogueError) -> (moved: Int, ended: [Int64]) {
    guard old != new else { return (0, []) }
    return try write("follow a renamed directory") { database in
      let (lower, upper) = Self.range(below: old)
      let moved = try Row.fetchAll(
        database,
        sql: """
          SELECT *, id IN (SELECT id FROM leased) AS is_leased FROM queue WHERE path >= ? AND path < ? ORDER BY id
          """, arguments: [lower, upper])
      let oldLength = old.bytes.count
      var ended: [Int64] = []
      for var entry in try moved.map(QueueEntry.init(row:)) {
        guard let path = FilePath(bytes: new.bytes + entry.item.path.bytes.dropFirst(oldLength)) else { continue }
        if !entry.leased, let other = try Self.waiting(path: path, in: database) {
          ended.append(max(entry.item.id, other.item.id))
          entry = try Self.unite(entry, other, in: database)
        }
        entry.item.path = path
        try Self.update(entry, in: database)
      }
      try Self.step("admission.renaming")
      return (moved.count, ended)
    }
  }

  /// In the order of service, as far as that is known.
  ///
  /// - Parameter item: where the page before has ended; nil: from the front.
  package func queue(after item: QueueItem? = nil, limit: Int) throws(CatalogueError) -> [QueueEntry] {
    let leased = totals.leased
    return try list("list the queue") { database in
      var rows: [Row] = []
      if let item {
        rows = try Row.fetchAll(
          database, sql: "SELECT *, 0 AS is_leased FROM queue WHERE priority = ? AND id > ? ORDER BY id LIMIT ?",
          arguments: [item.priority.rawValue, item.id, limit])
      }
      rows += try Row.fetchAll(
        database, sql: "SELECT *, 0 AS is_leased FROM queue WHERE priority < ? ORDER BY priority DESC, id LIMIT ?",
        arguments: [item?.priority.rawValue ?? .max, limit - rows.count])
      return try rows.map { row in
        var entry = try QueueEntry(row: row)
        entry.leased = leased.contains(entry.item.id)
        return entry
      }
    }
  }
}

extension Catalogue {
  /// Neither it nor its path is in work. The few that are come first in the join (CROSS), not the whole queue.
  private static let isFree = """
    id NOT IN (SELECT id FROM leased) AND path NOT IN (SELECT path FROM leased CROSS JOIN queue USING (id))
    """

  private static func enqueue(
    _ admission: Admission, at now: Timestamp, in database: Database
  ) throws -> AdmissionOutcome {
    let identity = admission.identity
    if !admission.again, try judged(device: identity.device, inode: identity.inode, in: database)?.identity == identity
    {
      return .alreadyJudged
    }
    if try hasDeparted(identity, from: admission.path, in: database) { return .alreadyJudged }
    let new = QueueEntry(
      item: QueueItem(
        id: .max, path: admission.path, identity: identity, priority: admission.priority, enqueued: now, attempts: 0),
      leased: false, notBefore: Timestamp(nanoseconds: 0))
    if let waiting = try waiting(path: admission.path, in: database) {
      let merged = merge(waiting, new)
      try update(merged, in: database)
      return .coalesced(id: merged.item.id)
    }
    try database.cachedStatement(
      sql: """
        INSERT INTO queue
          (device, inode, birth, size, modified, changed, path, priority, enqueued, not_before, attempts)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
        """
    ).execute(
      arguments: StatementArguments(
        identity.columns + [
          admission.path.blob, admission.priority.rawValue, now.nanoseconds, new.notBefore.nanoseconds,
        ]))
    return .queued(id: database.lastInsertedRowID)
  }

  /// One row for a path that has two: the place of the older, the identity of the newer. Attempts are kept, so that a
  /// file that changes under every attempt is given up at last. New content need not wait out the old one's delay.
  private static func merge(_ one: QueueEntry, _ other: QueueEntry) -> QueueEntry {
    let (old, new) = one.item.id < other.item.id ? (one, other) : (other, one)
    var merged = old
    merged.item.identity = new.item.identity
    merged.item.priority = max(old.item.priority, new.item.priority)
    // Each of its own: what failed is not to be lost among the waits.
    let failures = max(old.item.attempts - old.item.waits, new.item.attempts - new.item.waits)
    merged.item.waits = max(old.item.waits, new.item.waits)
    merged.item.attempts = failures + merged.item.waits
    merged.notBefore =
      old.item.identity == new.item.identity ? max(old.notBefore, new.notBefore) : new.notBefore
    return merged
  }

  /// ``merge(_:_:)`` of two rows that exist; the younger is removed, the older still to be updated.
  private static func unite(_ one: QueueEntry, _ other: QueueEntry, in database: Database) throws -> QueueEntry {
    try remove(max(one.item.id, other.item.id), from: database)
    return merge(one, other)
  }

  /// After a crash a path can wait twice: once because it was being scored.
  static func uniteAll(in database: Database) throws {
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT *, 0 AS is_leased FROM queue
        WHERE path IN (SELECT path FROM queue GROUP BY path HAVING count(*) > 1) ORDER BY path, id
        """)
    var last: QueueEntry?
    for entry in try rows.map(QueueEntry.init(row:)) {
      if let previous = last, previous.item.path == entry.item.path {
        last = try unite(previous, entry, in: database)
      } else {
        last = entry
      }
      if let last { try update(last, in: database) }
    }
  }

  private static func waiting(id: Int64, in database: Database) throws -> QueueEntry? {
    try Row.fetchOne(database, sql: "SELECT *, 0 AS is_leased FROM queue WHERE id = ?", arguments: [id])
      .map(QueueEntry.init(row:))
  }

  private static func waiting(path: FilePath, in database: Database) throws -> QueueEntry? {
    try Row.fetchOne(
      database.cachedStatement(
        sql: "SELECT *, 0 AS is_leased FROM queue WHERE path = ? AND id NOT IN (SELECT id FROM leased)"),
      arguments: [path.blob]
    ).map(QueueEntry.init(row:))
  }

  private static func update(_ entry: QueueEntry, in database: Database) throws {
    try database.cachedStatement(
      sql: """
        UPDATE queue SET device = ?, inode = ?, birth = ?, size = ?, modified = ?, changed = ?, path = ?, priority = ?,
          enqueued = ?, not_before = ?, attempts = ?, waits = ? WHERE id = ?
        """
    ).execute(
      arguments: StatementArguments(
        entry.item.identity.columns + [
          entry.item.path.blob, entry.item.priority.rawValue, entry.item.enqueued.nanoseconds,
          entry.notBefore.nanoseconds, entry.item.attempts, entry.item.waits, entry.item.id,
        ]))
  }

  /// Also ends its lease.
  static func remove(_ id: Int64, from database: Database) throws {
    try database.cachedStatement(sql: "DELETE FROM leased WHERE id = ?").execute(arguments: [id])
    try database.cachedStatement(sql: "DELETE FROM queue WHERE id = ?").execute(arguments: [id])
  }

  /// Whatever waits for this file under this path; not under its other names, and not for another file there.
  static func remove(_ file: FileIdentity, at path: FilePath, from database: Database) throws {
    let rows = try Row.fetchAll(
      database, sql: "SELECT *, 0 AS is_leased FROM queue WHERE path = ?", arguments: [path.blob])
    for entry in try rows.map(QueueEntry.init(row:)) where entry.item.identity.isSameFile(as: file) {
      try remove(entry.item.id, from: database)
    }
  }

  /// The watcher may have seen a file just before it was moved, and report it just after. What is put back later has a
  /// later change time.
  ///
  /// - Parameter time: when it was over. The move itself changes the change time, and a scan may see the new one under the
  ///   old name.
  static func noteDeparture(
    of file: FileIdentity, from path: FilePath, at time: Timestamp, in database: Database
  ) throws {
    var file = file
    file.changed = max(file.changed, time)
    try database.cachedStatement(
      sql: """
        INSERT INTO departed (device, inode, birth, size, modified, changed, path) VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: StatementArguments(file.columns + [path.blob]))
    // Four times what one report holds.
    try database.cachedStatement(sql: "DELETE FROM departed WHERE id <= ?").execute(
      arguments: [database.lastInsertedRowID - 1024])
  }

  private static func hasDeparted(_ file: FileIdentity, from path: FilePath, in database: Database) throws -> Bool {
    try Row.fetchAll(
      database.cachedStatement(sql: "SELECT * FROM departed WHERE path = ?"), arguments: [path.blob]
    ).contains { row in
      let departed = FileIdentity(row: row)
      // A move changes neither size nor time of the content; a clock may have been set back since.
      return departed.isSameFile(as: file) && departed.size == file.size && departed.modified == file.modified
        && file.changed <= departed.changed
    }
  }

  /// The bounds of all paths below a directory: `directory/` ≤ path < `directory0`, for `0` follows `/`.
  static func range(below directory: FilePath) -> (lower: Data, upper: Data) {
    var stem = directory.bytes
    if stem.last == UInt8(ascii: "/") { stem.removeLast() }
    return (Data(stem + [UInt8(ascii: "/")]), Data(stem + [UInt8(ascii: "/") + 1]))
  }
}

extension QueueItem {
  fileprivate init(row: Row) throws {
    guard let priority = QueuePriority(rawValue: row["priority"]) else { throw row.invalid("priority") }
    self.init(
      id: row["id"], path: try row.path(), identity: FileIdentity(row: row), priority: priority,
      enqueued: row.timestamp("enqueued"), attempts: row["attempts"], waits: row["waits"])
  }
}

extension QueueEntry {
  fileprivate init(row: Row) throws {
    self.init(item: try QueueItem(row: row), leased: row["is_leased"], notBefore: row.timestamp("not_before"))
  }
}
