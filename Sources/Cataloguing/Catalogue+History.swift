import GRDB
import StayposCore
import SystemPackage

/// Which verdicts to list; all conditions hold together.
package struct HistoryFilter: Sendable, Equatable {
  /// The file itself, or everything below a directory.
  package var path: FilePath?
  package var verdict: Verdict.Name?
  package var since: Timestamp?
  /// Older than this entry: for the next page.
  package var beforeID: Int64?

  package init(
    path: FilePath? = nil, verdict: Verdict.Name? = nil, since: Timestamp? = nil, beforeID: Int64? = nil
  ) {
    self.path = path
    self.verdict = verdict
    self.since = since
    self.beforeID = beforeID
  }
}

/// A piece of the history; the newest first.
package struct HistoryPage: Sendable, Equatable {
  package var entries: [HistoryEntry]
  /// ``HistoryFilter/beforeID`` of the next piece; nil: there is none.
  package var next: Int64?
}

/// Since the catalogue was created; pruning does not lower it.
package struct VerdictCounts: Sendable, Equatable {
  package var flagged = 0
  package var clear = 0
  package var notScored = 0

  package init(flagged: Int = 0, clear: Int = 0, notScored: Int = 0) {
    self.flagged = flagged
    self.clear = clear
    self.notScored = notScored
  }
}

extension Catalogue {
  /// What is looked through for one page is bounded: it may have fewer entries than `limit`, or none, and yet not be the
  /// last.
  ///
  /// - Parameters:
  ///   - limit: entries at most.
  ///   - reach: rows that are looked at, at most, for each condition.
  package func history(
    _ filter: HistoryFilter = HistoryFilter(), limit: Int, reach: Int64 = 10_000
  ) throws(CatalogueError) -> HistoryPage {
    try list("list the history") { database in
      guard let last = try Int64.fetchOne(database, sql: "SELECT max(id) FROM history") else {
        return HistoryPage(entries: [], next: nil)
      }
      let before = min(filter.beforeID ?? .max, last + 1)
      // If few rows meet one condition, its index has all that come into question; else the newest rows are looked through.
      var sql = "id >= ? AND id < ?"
      var arguments: [(any DatabaseValueConvertible)?] = [before - reach, before]
      var rest: Int64? = before - reach
      for condition in filter.conditions where try condition.isMet(byAtMost: reach, in: database) {
        sql = "id IN (SELECT id FROM history WHERE \(condition.sql)) AND id < ?"
        arguments = condition.arguments + [before]
        rest = nil
        break
      }
      for condition in filter.conditions {
        sql += " AND (\(condition.sql))"
        arguments += condition.arguments
      }
      // NOT INDEXED: by id alone.
      let entries = try Row.fetchAll(
        database, sql: "SELECT * FROM history NOT INDEXED WHERE \(sql) ORDER BY id DESC LIMIT ?",
        arguments: StatementArguments(arguments + [limit])
      ).map(HistoryEntry.init(row:))
      if entries.count == limit { return HistoryPage(entries: entries, next: entries.last?.id) }
      let first = try Int64.fetchOne(database, sql: "SELECT min(id) FROM history")
      return HistoryPage(entries: entries, next: rest.flatMap { $0 > first ?? .max ? $0 : nil })
    }
  }

  package func entry(_ id: Int64) throws(CatalogueError) -> HistoryEntry? {
    try list("look up a verdict") { database in
      try Row.fetchOne(database, sql: "SELECT * FROM history WHERE id = ?", arguments: [id]).map(
        HistoryEntry.init(row:))
    }
  }

  /// What this model said about these bytes before: a score, or a reason that would be the same every time. A failure
  /// that may pass (a timeout, no memory) and one that depends on the configuration (`too-large`) are no answer. A lower
  /// bound is given only if there is nothing better.
  package func cachedOutcome(
    sha256: SHA256Digest, model: SHA256Digest
  ) throws(CatalogueError) -> ScoringOutcome? {
    try read("look up a score") { database in
      let row = try Row.fetchOne(
        database.cachedStatement(
          sql: """
            SELECT * FROM history WHERE sha256 = ? AND model = ? AND (
              verdict <> 'not-scored' AND bias IS NOT NULL AND width IS NOT NULL
              OR reason IN ('empty', 'unsupported-format', 'corrupt', 'truncated', 'too-small'))
            ORDER BY lower_bound, id DESC LIMIT 1
            """), arguments: [sha256.blob, model.blob])
      guard let entry = try row.map(HistoryEntry.init(row:)) else { return nil }
      if let reason = entry.verdict.reason { return .notScored(reason, detail: entry.detail ?? "") }
      guard let score = entry.score, let size = entry.imageSize else { return nil }
      return .scored(score, size: size)
    }
  }

  /// Forgets verdicts made before `time`. Files that had theirs still count as judged.
  ///
  /// - Parameter limit: the oldest so many.
  /// - Returns: how many.
  @discardableResult
  package func prune(olderThan time: Timestamp, limit: Int) throws(CatalogueError) -> Int {
    try write("prune the history") { database in
      try database.execute(
        sql: "DELETE FROM history WHERE id IN (SELECT id FROM history WHERE time < ? ORDER BY time LIMIT ?)",
        arguments: [time.nanoseconds, limit])
      let count = database.changesCount
      try Self.step("retention.pruning")
      return count
    }
  }

  static func insert(_ entry: HistoryEntry, in database: Database) throws -> Int64 {
    let (seconds, attoseconds) = entry.duration.components
    let arguments: [(any DatabaseValueConvertible)?] = [
      entry.time.nanoseconds, entry.path.blob, entry.fileSize, entry.sha256?.blob, entry.verdict.name.rawValue,
      entry.verdict.reason?.rawValue, entry.detail, entry.score?.realScore, entry.score?.fakeScore, entry.score?.bias,
      entry.score?.isLowerBound ?? false,
      entry.imageSize?.width, entry.imageSize?.height, entry.threshold.value, entry.model?.blob,
      entry.quarantineID?.description, entry.allowed, entry.cached,
      seconds * 1_000_000_000 + attoseconds / 1_000_000_000,
    ]
    try database.cachedStatement(
      sql: """
        INSERT INTO history
          (time, path, file_size, sha256, verdict, reason, detail, real_score, fake_score, bias, lower_bound, width, height,
          threshold, model, quarantine_id, allowed, cached, duration)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: StatementArguments(arguments))
    return database.lastInsertedRowID
  }
}

/// One of those that have to hold; each has an index.
private struct HistoryCondition {
  var sql: String
  var arguments: [(any DatabaseValueConvertible)?]

  func isMet(byAtMost count: Int64, in database: Database) throws -> Bool {
    let found = try Int64.fetchOne(
      database, sql: "SELECT count(*) FROM (SELECT 1 FROM history WHERE \(sql) LIMIT ?)",
      arguments: StatementArguments(arguments + [count + 1]))
    return found ?? 0 <= count
  }
}

extension HistoryFilter {
  fileprivate var conditions: [HistoryCondition] {
    var conditions: [HistoryCondition] = []
    if let path {
      let (lower, upper) = Catalogue.range(below: path)
      conditions.append(
        HistoryCondition(sql: "path = ? OR path >= ? AND path < ?", arguments: [path.blob, lower, upper]))
    }
    if let verdict { conditions.append(HistoryCondition(sql: "verdict = ?", arguments: [verdict.rawValue])) }
    if let since { conditions.append(HistoryCondition(sql: "time >= ?", arguments: [since.nanoseconds])) }
    return conditions
  }
}

extension Row {
  func verdict() throws -> Verdict {
    let reason = self["reason"] as String?
    guard let name = Verdict.Name(rawValue: self["verdict"]),
      let verdict = Verdict(name: name, reason: reason.flatMap(NotScoredReason.init(rawValue:)))
    else { throw invalid("verdict") }
    return verdict
  }
}

extension HistoryEntry {
  fileprivate init(row: Row) throws {
    var size: ImageSize?
    if let width = row["width"] as Int?, let height = row["height"] as Int? {
      size = ImageSize(width: width, height: height)
    }
    self.init(
      id: row["id"], time: row.timestamp("time"), path: try row.path(), fileSize: row["file_size"],
      sha256: try row.digest("sha256"), verdict: try row.verdict(), detail: row["detail"], score: Score(row: row),
      imageSize: size, threshold: try row.threshold(), model: try row.digest("model"),
      quarantineID: try row.quarantineID("quarantine_id"), allowed: row["allowed"], cached: row["cached"],
      duration: .nanoseconds(row["duration"] as Int64))
  }
}
