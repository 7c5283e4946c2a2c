import Foundation
import Glibc
import SystemPackage
import TestSupport

/// One of many who write at once: owns a directory below the uploads and another outside, and knows what it has put where.
///
/// The daemon takes flagged files away while it works, so a call that finds nothing is no surprise. What the calls say is
/// written into the ledger.
final class SoakWriter {
  /// A directory that moves about.
  struct Folder {
    var path: FilePath
    var isOutside = false
  }

  struct File {
    var content: SoakContent
    var folder: Int
    var name: String
    /// Names of the same inode, this one included.
    var links: Set<String> = []
  }

  let name: String
  let ledger: SoakLedger
  var random: SeededGenerator
  var folders: [Folder]
  var files: [File] = []
  /// What was done, by the name of the call, and how often there was nothing to do it to.
  private(set) var operations: [String: Int] = [:]
  private(set) var misses = 0
  private var nextName = 0
  let home: FilePath
  let outside: FilePath

  init(_ name: String, uploads: FilePath, outside: FilePath, ledger: SoakLedger, seed: UInt64) throws {
    self.name = name
    self.ledger = ledger
    random = SeededGenerator(seed: seed)
    home = uploads.appending(name)
    self.outside = outside.appending(name)
    folders = [Folder(path: home)]
    for path in [home, self.outside] {
      try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
    }
  }

  // MARK: Turns

  private static let turns: [(weight: Int, turn: @Sendable (SoakWriter) throws -> Void)] = [
    (20, { try $0.create() }), (8, { try $0.moveIn() }), (8, { try $0.createByTemporaryName() }),
    (10, { try $0.rename() }), (6, { try $0.replace() }), (8, { try $0.exchange() }), (6, { try $0.link() }),
    (6, { try $0.rewrite() }), (18, { try $0.delete() }), (4, { try $0.touch() }), (2, { try $0.makeFolder() }),
    (4, { try $0.moveFolder() }), (4, { try $0.moveFolderOut() }), (6, { try $0.moveFolderIn() }),
  ]
  private static let weights = turns.map(\.weight).reduce(0, +)
  private static let mostFiles = 60
  static let mostFolders = 8

  /// One operation at random.
  func turn() throws {
    if files.count > Self.mostFiles { return try delete() }
    var number = Int.random(in: 0..<Self.weights, using: &random)
    for (weight, turn) in Self.turns {
      number -= weight
      if number < 0 { return try turn(self) }
    }
  }

  /// At the end: nothing stays outside but what lies there on purpose.
  func finish() throws {
    for index in folders.indices.dropFirst() where folders[index].isOutside && index % 4 != 0 { try bringIn(index) }
  }

  /// Where what is not flagged has to be in the end.
  var places: [FilePath: SoakContent] {
    Dictionary(files.filter { !$0.content.isFlagged }.map { (path(of: $0), $0.content) }) { $1 }
  }

  // MARK: Tools

  func path(of file: File) -> FilePath { folders[file.folder].path.appending(file.name) }

  func freshName() -> String {
    nextName += 1
    return "\(name)-\(nextName)"
  }

  func anyFolder() -> Int { Int.random(in: folders.indices, using: &random) }

  func anyFile(where isWanted: (File) -> Bool = { _ in true }) -> Int? {
    files.indices.filter { isWanted(files[$0]) }.randomElement(using: &random)
  }

  func anyContent() -> SoakContent { ledger.begin(SoakContent.kind(using: &random)) }

  /// Makes a call that may find nothing.
  /// - Returns: whether it found something.
  func attempt(_ operation: String, _ call: () -> CInt) throws -> Bool {
    if call() == 0 {
      operations[operation, default: 0] += 1
      return true
    }
    guard errno == ENOENT else { throw RunningDaemon.Failure("\(operation): \(Errno(rawValue: errno))") }
    misses += 1
    return false
  }

  func note(_ operation: String) { operations[operation, default: 0] += 1 }

  /// A file that is flagged and not found is in the quarantine; any other is away for a moment at most.
  func forgetIfFlagged(_ index: Int) {
    if files[index].content.isFlagged { files.remove(at: index) }
  }

  /// In pieces: a watcher that looks in between sees a part.
  func write(_ content: SoakContent, to path: FilePath, _ options: FileDescriptor.OpenOptions) throws {
    let bytes = try content.bytes()
    let file = try FileDescriptor.open(path, .writeOnly, options: options, permissions: [.ownerReadWrite])
    try file.closeAfter {
      let half = bytes.count / 2
      _ = try file.writeAll(bytes.prefix(half))
      if Int.random(in: 0..<4, using: &random) == 0 { usleep(UInt32.random(in: 0...60_000, using: &random)) }
      _ = try file.writeAll(bytes.dropFirst(half))
    }
  }
}
