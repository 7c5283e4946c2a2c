import Foundation
import GRDB
import Glibc
import SystemPackage

/// Everything that a daemon keeps, for whoever claims that nothing has changed: each file of the uploads and of the
/// quarantine with what stat(2) says, and each row of the catalogue.
struct StateSnapshot {
  private let lines: Set<String>

  /// The daemon may be running.
  init(_ daemon: RunningDaemon, quarantine: FilePath) throws {
    var lines: Set<String> = []
    for directory in [daemon.uploads, quarantine] {
      for name in try FileManager.default.subpathsOfDirectory(atPath: directory.string) {
        var status = stat()
        guard lstat(directory.appending(name).string, &status) == 0 else { throw Errno(rawValue: errno) }
        let change = status.st_ctim
        // A directory's times tell of files that came and went, as a record does that is written anew.
        lines.insert(
          "\(directory)/\(name): mode \(String(status.st_mode, radix: 8)) owner \(status.st_uid):\(status.st_gid)"
            + " inode \(status.st_ino) size \(status.st_size) changed \(change.tv_sec).\(change.tv_nsec)")
      }
    }
    var configuration = Configuration()
    configuration.readonly = true
    let catalogue = try DatabaseQueue(
      path: daemon.state.appending("catalogue.sqlite").string, configuration: configuration)
    let rows = try catalogue.read { database in
      let tables = try String.fetchAll(
        database, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sqlite_sequence'")
      return try tables.flatMap { table in
        try Row.fetchAll(database, sql: "SELECT * FROM \(table)").map { "\(table): \($0.debugDescription)" }
      }
    }
    lines.formUnion(rows)
    self.lines = lines
  }

  /// What was there and is not any more, and what is new.
  func changes(since other: StateSnapshot) -> [String] {
    other.lines.subtracting(lines).map { "- \($0)" } + lines.subtracting(other.lines).map { "+ \($0)" }
  }
}
