import GRDB
import StayposCore
import SystemPackage

/// One object of the quarantine as lists show it; the record beside the object has everything.
package struct QuarantineSummary: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    case quarantined
    case restored
    case deleted
    /// Listed as quarantined, but the quarantine has no record of it.
    case missing
  }

  package var id: QuarantineID
  /// Where it came from.
  package var path: FilePath
  /// Bytes.
  package var size: Int64
  package var sha256: SHA256Digest
  package var score: Score?
  package var threshold: Threshold
  package var model: SHA256Digest?
  package var time: Timestamp
  package var state: State

  package init(
    id: QuarantineID, path: FilePath, size: Int64, sha256: SHA256Digest, score: Score?, threshold: Threshold,
    model: SHA256Digest?, time: Timestamp, state: State = .quarantined
  ) {
    self.id = id
    self.path = path
    self.size = size
    self.sha256 = sha256
    self.score = score
    self.threshold = threshold
    self.model = model
    self.time = time
    self.state = state
  }
}

package struct QuarantineTotals: Sendable, Equatable {
  package var count: Int
  package var bytes: Int64

  package init(count: Int, bytes: Int64) {
    self.count = count
    self.bytes = bytes
  }
}

/// The index of the quarantine.
extension Catalogue {
  /// - Parameters:
  ///   - identity: what it has become outside, to be taken as judged in the same transaction.
  ///   - sha256: of its content.
  /// - Returns: false if there is no such object.
  @discardableResult
  package func setState(
    _ state: QuarantineSummary.State, of id: QuarantineID, judged identity: FileIdentity? = nil,
    sha256: SHA256Digest? = nil
  ) throws(CatalogueError) -> Bool {
    try write("index a quarantined file") { database in
      if let identity { try Self.setJudged(identity, sha256: sha256, historyID: nil, in: database) }
      try database.execute(
        sql: "UPDATE quarantine SET state = ? WHERE id = ?", arguments: [state.rawValue, id.description])
      let isKnown = database.changesCount > 0
      try Self.step("departure.indexing")
      return isKnown
    }
  }

  package func quarantined(_ id: QuarantineID) throws(CatalogueError) -> QuarantineSummary? {
    try read("look up a quarantined file") { database in
      try Row.fetchOne(database, sql: "SELECT * FROM quarantine WHERE id = ?", arguments: [id.description])
        .map(QuarantineSummary.init(row:))
    }
  }

  /// The newest first.
  ///
  /// - Parameters:
  ///   - state: nil for all.
  ///   - id: only older ones, for the next page.
  package func quarantined(
    in state: QuarantineSummary.State? = .quarantined, before id: QuarantineID? = nil, limit: Int
  ) throws(CatalogueError) -> [QuarantineSummary] {
    try list("list the quarantine") { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT * FROM quarantine WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3
          """, arguments: [state?.rawValue, id?.description, limit]
      ).map(QuarantineSummary.init(row:))
    }
  }

  /// Makes the index agree with the quarantine's records, in one transaction.
  ///
  /// - Returns: what was listed as quarantined and has no record: it is `missing` now.
  @discardableResult
  package func rebuildQuarantine(from records: [QuarantineSummary]) throws(CatalogueError) -> [QuarantineID] {
    try write("index the quarantine") { database in
      let listed = try String.fetchSet(
        database, sql: "SELECT id FROM quarantine WHERE state = ?",
        arguments: [QuarantineSummary.State.quarantined.rawValue])
      let missing = listed.subtracting(records.map(\.id.description))
      for id in missing {
        try database.execute(
          sql: "UPDATE quarantine SET state = ? WHERE id = ?",
          arguments: [QuarantineSummary.State.missing.rawValue, id])
      }
      for record in records { try Self.upsert(record, in: database) }
      try Self.step("recovery.indexing")
      return missing.compactMap(QuarantineID.init).sorted()
    }
  }

  static func upsert(_ summary: QuarantineSummary, in database: Database) throws {
    let arguments: [(any DatabaseValueConvertible)?] = [
      summary.id.description, summary.path.blob, summary.size, summary.sha256.blob, summary.score?.realScore,
      summary.score?.fakeScore, summary.score?.bias, summary.score?.isLowerBound ?? false, summary.threshold.value,
      summary.model?.blob,
      summary.time.nanoseconds, summary.state.rawValue,
    ]
    try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO quarantine
          (id, path, size, sha256, real_score, fake_score, bias, lower_bound, threshold, model, time, state)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: StatementArguments(arguments))
  }
}

extension QuarantineSummary {
  fileprivate init(row: Row) throws {
    guard let id = try row.quarantineID("id"), let sha256 = try row.digest("sha256"),
      let state = State(rawValue: row["state"])
    else { throw row.invalid("id, sha256 or state") }
    self.init(
      id: id, path: try row.path(), size: row["size"], sha256: sha256, score: Score(row: row),
      threshold: try row.threshold(), model: try row.digest("model"), time: row.timestamp("time"), state: state)
  }
}
