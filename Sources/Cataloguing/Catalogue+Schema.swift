import GRDB

/// The schema. Times and durations are nanoseconds (times since 1970-01-01 UTC), paths the kernel's bytes, digests their
/// 32 bytes; device and inode numbers are stored with their 64 bits as they are.
///
/// - `queue`: files that wait for a verdict, served by priority, then by id. What is being scored is in `leased`, a
///   temporary table: after a crash every file simply waits again, and leasing one costs no disk write.
/// - `judged`: what is known of a file on disk, by device and inode; the row counts only while the whole identity agrees.
/// - `history`: one row a verdict; `lower_bound`: its score may be higher. `counter` is kept by triggers and survives pruning.
/// - `setting`: JSON by name. `allowlist`: by SHA-256.
/// - `quarantine`: index of the quarantine directory, whose records are the truth.
extension Catalogue {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(sql: version1)
    }
    migrator.registerMigration("2") { database in
      try database.execute(sql: "ALTER TABLE queue ADD COLUMN waits INTEGER NOT NULL DEFAULT 0")
    }
    migrator.registerMigration("3") { database in
      try database.execute(
        sql: """
          ALTER TABLE history ADD COLUMN lower_bound INTEGER NOT NULL DEFAULT 0;
          ALTER TABLE quarantine ADD COLUMN lower_bound INTEGER NOT NULL DEFAULT 0
          """)
    }
    migrator.registerMigration("4") { database in
      try database.execute(sql: "CREATE INDEX queue_ready ON queue (priority DESC, id) WHERE not_before = 0")
    }
    return migrator
  }

  /// What concerns this run alone: the files in work, and those that were just moved to the quarantine.
  static func createTemporaryTables(_ database: Database) throws {
    try database.execute(
      sql: """
        CREATE TEMPORARY TABLE leased (id INTEGER PRIMARY KEY);
        CREATE TEMPORARY TABLE departed (
          id INTEGER PRIMARY KEY AUTOINCREMENT, device INTEGER, inode INTEGER, birth INTEGER, size INTEGER,
          modified INTEGER, changed INTEGER, path BLOB NOT NULL);
        CREATE INDEX temp.departed_path ON departed (path)
        """)
  }

  private static let version1 = """
    CREATE TABLE queue (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      path BLOB NOT NULL,
      device INTEGER NOT NULL,
      inode INTEGER NOT NULL,
      birth INTEGER,
      size INTEGER NOT NULL,
      modified INTEGER NOT NULL,
      changed INTEGER NOT NULL,
      priority INTEGER NOT NULL,
      enqueued INTEGER NOT NULL,
      not_before INTEGER NOT NULL,
      attempts INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX queue_order ON queue (priority DESC, id);
    CREATE INDEX queue_path ON queue (path);
    CREATE INDEX queue_deferred ON queue (not_before);

    CREATE TABLE history (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      time INTEGER NOT NULL,
      path BLOB NOT NULL,
      file_size INTEGER,
      sha256 BLOB CHECK (length(sha256) = 32),
      verdict TEXT NOT NULL CHECK (verdict IN ('flagged', 'clear', 'not-scored')),
      reason TEXT CHECK ((verdict = 'not-scored') = (reason IS NOT NULL)),
      detail TEXT,
      real_score REAL,
      fake_score REAL,
      bias REAL,
      width INTEGER,
      height INTEGER,
      threshold REAL NOT NULL,
      model BLOB CHECK (length(model) = 32),
      quarantine_id TEXT,
      allowed INTEGER NOT NULL,
      cached INTEGER NOT NULL,
      duration INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX history_content ON history (sha256, model) WHERE sha256 IS NOT NULL;
    CREATE INDEX history_path ON history (path);
    CREATE INDEX history_verdict ON history (verdict);
    CREATE INDEX history_time ON history (time);

    CREATE TABLE counter (verdict TEXT PRIMARY KEY, total INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO counter VALUES ('flagged', 0), ('clear', 0), ('not-scored', 0);
    CREATE TRIGGER history_counter AFTER INSERT ON history BEGIN
      UPDATE counter SET total = total + 1 WHERE verdict = NEW.verdict;
    END;

    CREATE TABLE judged (
      device INTEGER NOT NULL,
      inode INTEGER NOT NULL,
      birth INTEGER,
      size INTEGER NOT NULL,
      modified INTEGER NOT NULL,
      changed INTEGER NOT NULL,
      sha256 BLOB CHECK (length(sha256) = 32),
      history_id INTEGER REFERENCES history (id) ON DELETE SET NULL,
      PRIMARY KEY (device, inode)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX judged_history ON judged (history_id);

    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE allowlist (
      sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
      note TEXT NOT NULL,
      uid INTEGER NOT NULL,
      time INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE quarantine (
      id TEXT PRIMARY KEY,
      path BLOB NOT NULL,
      size INTEGER NOT NULL,
      sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
      real_score REAL,
      fake_score REAL,
      bias REAL,
      threshold REAL NOT NULL,
      model BLOB CHECK (length(model) = 32),
      time INTEGER NOT NULL,
      state TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX quarantine_state ON quarantine (state, id);
    """
}
