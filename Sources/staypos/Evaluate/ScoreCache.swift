import Datasets
import Filesystem
import Glibc
import StayposCore
import Synchronization
import SystemPackage

/// Scores of one model on files in one state, in memory and, if there is a directory for it, in a file that grows by a line
/// for each image: a run that was interrupted goes on where it stopped. What is in the file is never written again, so
/// that nothing can lose it. Images without a score are not kept.
final class ScoreCache: Sendable {
  private struct Entry {
    var bytes: Int64
    var modified: String
    var logit: Double
  }

  private static let header = ["filename", "bytes", "modified", "logit"]

  private let entries: Mutex<[[UInt8]: Entry]>
  private let file: FileDescriptor?

  /// In memory only.
  init() {
    entries = Mutex([:])
    file = nil
  }

  /// - Parameter path: made if it is not there; a last line that was torn is removed.
  /// - Throws: also if it is something else than scores, which stays as it is.
  init(_ path: FilePath) throws {
    let file = try FileDescriptor.open(
      path, .readWrite, options: [.create, .append, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    self.file = file
    do {
      guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
        throw Failure("\(path.escaped) is in use by another run")
      }
      entries = Mutex(try Self.entries(path, file))
    } catch {
      try? file.close()
      throw error
    }
  }

  deinit {
    try? file?.close()
  }

  private static func entries(_ path: FilePath, _ file: FileDescriptor) throws -> [[UInt8]: Entry] {
    let header = CSVTable.line(Self.header)
    let bytes = try file.contents()
    if bytes.count < header.count, header.starts(with: bytes) {
      try shorten(file, to: 0)
      _ = try file.writeAll(header)
      return [:]
    }
    guard bytes.starts(with: header) else {
      throw Failure("\(path.escaped) is no file of scores: it stays as it is; remove it, or name another --output")
    }
    let table = try CSVTable(bytes, file: path, toleratingTornEnd: true)
    var entries: [[UInt8]: Entry] = [:]
    for (index, row) in table.rows.enumerated() {
      let text = row.dropFirst().map { String(decoding: $0, as: UTF8.self) }
      guard let bytes = Int64(text[0]), let logit = Double(text[2]) else {
        throw Failure("\(path.escaped), record \(index + 2): no score; remove the record, or the file")
      }
      entries[row[0]] = Entry(bytes: bytes, modified: text[1], logit: logit)
    }
    // Nothing may be appended to a torn line.
    if table.length < bytes.count { try shorten(file, to: table.length) }
    return entries
  }

  private static func shorten(_ file: FileDescriptor, to length: Int) throws {
    guard ftruncate(file.rawValue, off_t(length)) == 0 else { throw Errno(rawValue: errno) }
  }

  /// Nil if the file has changed since.
  func logit(_ name: FilePath, _ identity: FileIdentity) -> Double? {
    guard let entry = entries.withLock({ $0[name.bytes] }), entry.bytes == identity.size,
      entry.modified == identity.modified.cacheText
    else { return nil }
    return entry.logit
  }

  /// From any thread.
  func add(_ name: FilePath, _ identity: FileIdentity, logit: Double) throws {
    let entry = Entry(bytes: identity.size, modified: identity.modified.cacheText, logit: logit)
    let fields = ["\(entry.bytes)", entry.modified, "\(logit)"].map { Array($0.utf8) }
    try entries.withLock { entries in
      entries[name.bytes] = entry
      guard let file else { return }
      let end = try file.seek(offset: 0, from: .end)
      do {
        try file.writeAll(CSVTable.line([name.bytes] + fields))
      } catch {
        // Others may find room again, and would go on behind half a line.
        try? Self.shorten(file, to: Int(end))
        throw error
      }
    }
  }
}

extension Timestamp {
  fileprivate var cacheText: String { "\(nanoseconds)" }
}
