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

  /// A call: `write`, `copy`, `fsync`, `rename` (by its source) or `unlink`.
  /// - Parameter errno: 0: copies and writes do one byte at a time.
  func fail(_ call: String, _ errno: CInt, below path: FilePath) throws {
    try Data("\(call) \(errno) \(path)\n".utf8).write(to: URL(filePath: rules.string))
  }

  func mend() throws { try FileManager.default.removeItem(atPath: rules.string) }

  /// What went through, as words: the call and its paths.
  func calls() throws -> [[String]] {
    let text = String(decoding: try contents(of: log), as: UTF8.self)
    return text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
  }

  func remove() {
    for path in [rules, log] { try? FileManager.default.removeItem(atPath: path.string) }
  }
}
