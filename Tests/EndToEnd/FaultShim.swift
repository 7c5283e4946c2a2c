import Foundation
import SystemPackage

/// A kernel that misbehaves in the eyes of one daemon: Tests/Support/fault-shim.
struct FaultShim {
  /// Before the first rule there is none.
  private let rules = FilePath("/tmp/staypos-shim-\(UUID())")
  private var log: FilePath { rules.removingLastComponent().appending("\(rules.lastComponent!.string).log") }

  /// For the daemon.
  func environment() throws -> [String: String] {
    let library = try BuiltExecutables.path("libfault-shim.so")
    return ["LD_PRELOAD": library.string, "STAYPOS_SHIM_RULES": rules.string, "STAYPOS_SHIM_LOG": log.string]
  }

  /// A call: `write`, `copy`, `fsync`, `rename` (by its source), `unlink`, `mkdir`, `truncate`, `attribute` or `create`.
  /// - Parameters:
  ///   - errno: 0: copies and writes do one byte at a time.
  ///   - turn: only so many calls from now; nil: all.
  func fail(_ call: String, _ errno: CInt, below path: FilePath, turn: Int? = nil) throws {
    let order = turn.map { " \($0) \(UUID())" } ?? ""
    try Data("\(call) \(errno) \(path)\(order)\n".utf8).write(to: URL(filePath: rules.string), options: .atomic)
  }

  /// As if somebody had set the clock back.
  func setClockBack(by seconds: CInt) throws { try fail("clock", seconds, below: "/") }

  func mend() throws { try FileManager.default.removeItem(atPath: rules.string) }

  /// What went through, as words: the call and its paths.
  func calls() throws -> [[String]] {
    let text = String(decoding: try contents(of: log), as: UTF8.self)
    return text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
  }

  /// Forgets what went through so far.
  func clearLog() throws { try Data().write(to: URL(filePath: log.string)) }

  func remove() {
    for path in [rules, log] { try? FileManager.default.removeItem(atPath: path.string) }
  }
}
