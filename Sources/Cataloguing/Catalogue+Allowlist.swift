import GRDB
import StayposCore

/// A file whose bytes are clear without scoring.
package struct AllowlistEntry: Sendable, Equatable {
  package var sha256: SHA256Digest
  /// Why, in the administrator's words.
  package var note: String
  /// Who asked for it.
  package var uid: UInt32
  package var time: Timestamp

  package init(sha256: SHA256Digest, note: String, uid: UInt32, time: Timestamp) {
    self.sha256 = sha256
    self.note = note
    self.uid = uid
    self.time = time
  }
}

extension Catalogue {
  /// - Returns: false, with nothing changed, if it was there already.
  @discardableResult
  package func allow(_ entry: AllowlistEntry) throws(CatalogueError) -> Bool {
    try write("add to the allowlist") { database in
      try database.execute(
        sql: "INSERT OR IGNORE INTO allowlist (sha256, note, uid, time) VALUES (?, ?, ?, ?)",
        arguments: [entry.sha256.blob, entry.note, Int64(entry.uid), entry.time.nanoseconds])
      return database.changesCount > 0
    }
  }

  /// - Returns: false if it was not there.
  @discardableResult
  package func disallow(_ sha256: SHA256Digest) throws(CatalogueError) -> Bool {
    try write("remove from the allowlist") { database in
      try database.execute(sql: "DELETE FROM allowlist WHERE sha256 = ?", arguments: [sha256.blob])
      return database.changesCount > 0
    }
  }

  package func isAllowed(_ sha256: SHA256Digest) throws(CatalogueError) -> Bool {
    try read("look into the allowlist") { database in
      try Row.fetchOne(
        database.cachedStatement(sql: "SELECT 1 FROM allowlist WHERE sha256 = ?"), arguments: [sha256.blob]) != nil
    }
  }

  /// The oldest first.
  package func allowlist() throws(CatalogueError) -> [AllowlistEntry] {
    try list("list the allowlist") { database in
      try Row.fetchAll(database, sql: "SELECT * FROM allowlist ORDER BY time, sha256").map { row in
        guard let sha256 = try row.digest("sha256"), let uid = UInt32(exactly: row["uid"] as Int64) else {
          throw row.invalid("sha256 or uid")
        }
        return AllowlistEntry(sha256: sha256, note: row["note"], uid: uid, time: row.timestamp("time"))
      }
    }
  }
}
