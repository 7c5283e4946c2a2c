import Datasets
import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// Scores of one model on files in one state, in memory and, if there is a directory for it, in a file that grows by a line
/// for each image: a run that was interrupted goes on where it stopped. Images without a score are not kept.
final class ScoreCache {
  private struct Entry {
    var bytes: Int64
    var modified: String
    var logit: Double
  }

  private static let header = ["filename", "bytes", "modified", "logit"]

  private var entries: [[UInt8]: Entry] = [:]
  private let file: FileDescriptor?

  /// In memory only.
  init() {
    file = nil
  }

  /// - Parameter path: made if it is not there; of a torn last line nothing is kept.
  init(_ path: FilePath) throws {
    let file = try FileDescriptor.open(
      path, .readWrite, options: [.create, .append, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    self.file = file
    guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
      throw Failure("\(path.escaped) is in use by another run")
    }
    guard let table = try? CSVTable(reading: path, toleratingTornEnd: true), table.header == Self.header else {
      try rewrite([])
      return
    }
    for row in table.rows {
      let text = row.dropFirst().map { String(decoding: $0, as: UTF8.self) }
      guard let bytes = Int64(text[0]), let logit = Double(text[2]) else { continue }
      entries[row[0]] = Entry(bytes: bytes, modified: text[1], logit: logit)
    }
    try rewrite(table.rows)
  }

  deinit {
    try? file?.close()
  }

  /// Nil if the file has changed since.
  func logit(_ name: FilePath, _ identity: FileIdentity) -> Double? {
    guard let entry = entries[name.bytes], entry.bytes == identity.size, entry.modified == identity.modified.cacheText
    else { return nil }
    return entry.logit
  }

  func add(_ name: FilePath, _ identity: FileIdentity, logit: Double) throws {
    let entry = Entry(bytes: identity.size, modified: identity.modified.cacheText, logit: logit)
    entries[name.bytes] = entry
    let fields = ["\(entry.bytes)", entry.modified, "\(logit)"].map { Array($0.utf8) }
    _ = try file?.writeAll(CSVTable.line([name.bytes] + fields))
  }

  /// Takes back a torn end before something is appended to it.
  private func rewrite(_ rows: [[[UInt8]]]) throws {
    guard let file else { return }
    let bytes = CSVTable.line(Self.header) + rows.flatMap { CSVTable.line($0) }
    guard ftruncate(file.rawValue, 0) == 0 else { throw Errno(rawValue: errno) }
    _ = try file.writeAll(bytes)
  }
}

extension Timestamp {
  fileprivate var cacheText: String { "\(seconds).\(nanoseconds)" }
}
