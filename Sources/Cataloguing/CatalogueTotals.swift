import GRDB
import StayposCore

/// Sums over the catalogue, as of the last change.
package struct CatalogueTotals: Sendable, Equatable {
  package var queue = QueueDepth(waiting: 0, leased: 0, oldest: nil)
  package var verdicts = VerdictCounts()
  /// Of what is in the quarantine now.
  package var quarantine = QuarantineTotals(count: 0, bytes: 0)
  /// Files in work, by their numbers in the queue: as many as there are workers.
  var leased: Set<Int64> = []

  package init() {}
}

/// Triggers of this connection count along, so that nobody has to count rows, and whoever asks touches no file and waits
/// for no transaction.
extension CatalogueTotals {
  /// - Parameter database: with the table `leased`.
  static func beginCounting(in database: Database) throws {
    // A row that is replaced counts as deleted.
    try database.execute(sql: "PRAGMA recursive_triggers = ON")
    try database.execute(
      sql: """
        CREATE TEMPORARY TABLE total (queued INTEGER, quarantined INTEGER, bytes INTEGER);
        INSERT INTO total SELECT
          (SELECT count(*) FROM queue), count(*), ifnull(sum(size), 0) FROM quarantine WHERE state = 'quarantined';
        CREATE TEMPORARY TRIGGER queue_grows AFTER INSERT ON main.queue BEGIN
          UPDATE total SET queued = queued + 1;
        END;
        CREATE TEMPORARY TRIGGER queue_shrinks AFTER DELETE ON main.queue BEGIN
          UPDATE total SET queued = queued - 1;
        END;
        CREATE TEMPORARY TRIGGER quarantine_grows AFTER INSERT ON main.quarantine WHEN NEW.state = 'quarantined' BEGIN
          UPDATE total SET quarantined = quarantined + 1, bytes = bytes + NEW.size;
        END;
        CREATE TEMPORARY TRIGGER quarantine_shrinks AFTER DELETE ON main.quarantine WHEN OLD.state = 'quarantined' BEGIN
          UPDATE total SET quarantined = quarantined - 1, bytes = bytes - OLD.size;
        END;
        CREATE TEMPORARY TRIGGER quarantine_changes AFTER UPDATE ON main.quarantine BEGIN
          UPDATE total SET
            quarantined = quarantined + (NEW.state = 'quarantined') - (OLD.state = 'quarantined'),
            bytes = bytes + NEW.size * (NEW.state = 'quarantined') - OLD.size * (OLD.state = 'quarantined');
        END
        """)
  }

  init(in database: Database) throws {
    leased = try Int64.fetchSet(database.cachedStatement(sql: "SELECT id FROM leased"))
    // Ids grow with time; the clock need not.
    let row = try Row.fetchOne(
      database.cachedStatement(sql: "SELECT *, (SELECT enqueued FROM queue ORDER BY id LIMIT 1) AS oldest FROM total"))
    guard let row else { return }
    queue = QueueDepth(
      waiting: row["queued"] - leased.count, leased: leased.count,
      oldest: (row["oldest"] as Int64?).map(Timestamp.init(nanoseconds:)))
    quarantine = QuarantineTotals(count: row["quarantined"], bytes: row["bytes"])
    for row in try Row.fetchAll(database.cachedStatement(sql: "SELECT verdict, total FROM counter")) {
      switch Verdict.Name(rawValue: row["verdict"]) {
      case .flagged: verdicts.flagged = row["total"]
      case .clear: verdicts.clear = row["total"]
      case .notScored: verdicts.notScored = row["total"]
      case nil: throw row.invalid("verdict")
      }
    }
  }
}
