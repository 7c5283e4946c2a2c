import Foundation
import SystemPackage

/// Debian's PyTorch, for references made in the run itself (Tests/Support/checkpoint_reference.py).
enum TorchPython {
  static let path = "/usr/bin/python3"
  static let isAvailable =
    (try? run(["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"]))?.status == 0

  static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Support/checkpoint_reference.py").path

  /// - Returns: exit status and standard output; complaints go to standard error.
  static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
}
