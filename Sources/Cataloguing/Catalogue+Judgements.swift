import GRDB
import StayposCore
import SystemPackage

/// What is known of a file on disk.
package struct Judgement: Sendable, Equatable {
  /// As it was when it got its verdict.
  package var identity: FileIdentity
  package var sha256: SHA256Digest?
  /// nil if the history was pruned since.
  package var historyID: Int64?
  package var verdict: Verdict?

  package init(identity: FileIdentity, sha256: SHA256Digest?, historyID: Int64?, verdict: Verdict?) {
    self.identity = identity
    self.sha256 = sha256
    self.historyID = historyID
    self.verdict = verdict
  }
}

/// Verdicts, and which files have had theirs.
extension Catalogue {
  /// Ends a file's way through the queue in one transaction: its row goes, the verdict is in the history, and the file
  /// counts as judged.
  ///
  /// - Parameters:
  ///   - itemID: nil for a file that was not queued.
  ///   - identity: as scored; nil if the file may be scored again as it is, or is gone.
  ///   - quarantined: what the file has become, and what it was: it is indexed, and where it came from nothing waits for
  ///     it any more.
  /// - Returns: the entry with its id.
  package func complete(
    itemID: Int64?, entry: HistoryEntry, identity: FileIdentity?,
    quarantined: (summary: QuarantineSummary, file: FileIdentity)? = nil
  ) throws(CatalogueError) -> HistoryEntry {
    try write("record a verdict") { database in
      if let itemID { try Self.remove(itemID, from: database) }
      if let (summary, file) = quarantined {
        try Self.upsert(summary, in: database)
        try Self.remove(file, at: summary.path, from: database)
        try Self.noteDeparture(of: file, from: summary.path, at: entry.time, in: database)
      }
      let id = try Self.insert(entry, in: database)
      if let identity {
        try Self.setJudged(identity, sha256: entry.sha256, historyID: id, in: database)
      }
      try Self.step("verdict.recording")
      var entry = entry
      entry.id = id
      return entry
    }
  }

  /// A judged file that was only renamed, linked or given other rights (its bytes are the same): it keeps its verdict and
  /// leaves the queue.
  ///
  /// - Returns: false, with nothing done, if the file has had no verdict.
  package func touch(itemID: Int64?, identity: FileIdentity) throws(CatalogueError) -> Bool {
    try write("keep a verdict") { database in
      guard let old = try Self.judged(device: identity.device, inode: identity.inode, in: database),
        old.identity.isSameFile(as: identity)
      else { return false }
      try Self.setJudged(identity, sha256: old.sha256, historyID: old.historyID, in: database)
      if let itemID { try Self.remove(itemID, from: database) }
      try Self.step("verdict.keeping")
      return true
    }
  }

  /// What is known of the file with this inode in this life of its number, whatever happened to its content since.
  package func judged(
    device: UInt64, inode: UInt64, birth: Timestamp?
  ) throws(CatalogueError) -> Judgement? {
    try read("look up a file's verdict") { database in
      guard let judgement = try Self.judged(device: device, inode: inode, in: database),
        judgement.identity.birth == birth
      else { return nil }
      return judgement
    }
  }

  /// Takes a file as judged without a new verdict, for example one that was restored from the quarantine.
  package func setJudged(
    _ identity: FileIdentity, sha256: SHA256Digest?, historyID: Int64?
  ) throws(CatalogueError) {
    try write("keep a verdict") { database in
      try Self.setJudged(identity, sha256: sha256, historyID: historyID, in: database)
      try Self.step("restore.judging")
    }
  }

  static func judged(device: UInt64, inode: UInt64, in database: Database) throws -> Judgement? {
    let row = try Row.fetchOne(
      database.cachedStatement(
        sql: """
          SELECT judged.*, verdict, reason FROM judged LEFT JOIN history ON history.id = history_id
          WHERE device = ? AND inode = ?
          """), arguments: [Int64(bitPattern: device), Int64(bitPattern: inode)])
    guard let row else { return nil }
    return Judgement(
      identity: FileIdentity(row: row), sha256: try row.digest("sha256"), historyID: row["history_id"],
      verdict: row["verdict"] == nil ? nil : try row.verdict())
  }

  static func setJudged(
    _ identity: FileIdentity, sha256: SHA256Digest?, historyID: Int64?, in database: Database
  ) throws {
    try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO judged (device, inode, birth, size, modified, changed, sha256, history_id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: StatementArguments(identity.columns + [sha256?.blob, historyID]))
  }
}
