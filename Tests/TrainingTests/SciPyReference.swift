import Foundation
import SystemPackage

/// Runs Tests/Support/training_reference.py: the same problems solved by SciPy, NumPy and PyTorch.
enum SciPyReference {
  /// The one with SciPy (`make test-dependencies`); it sees Debian's PyTorch as well.
  private static let python = root.appendingPathComponent(".build-venv/bin/python").path
  private static let scripts = root.appendingPathComponent("Tests/Support")
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static let isAvailable = run(["-c", "import scipy.optimize, torch"]) != nil
  static let absence = "skipped: no .build-venv with SciPy and PyTorch (make test-dependencies)"

  /// - Parameter arguments: a case's name, and what it wants.
  static func answer<Answer: Decodable>(_ arguments: [String], as type: Answer.Type = Answer.self) throws -> Answer {
    let script = scripts.appendingPathComponent("training_reference.py").path
    guard let output = run([script] + arguments) else { throw Failure(arguments: arguments) }
    return try JSONDecoder().decode(Answer.self, from: output)
  }

  /// Runs another script of Tests/Support, which writes files.
  static func run(_ script: String, _ arguments: [String]) throws {
    guard run([scripts.appendingPathComponent(script).path] + arguments) != nil else {
      throw Failure(arguments: [script] + arguments)
    }
  }

  /// Values in the machine's order, for the script's `numpy.fromfile`.
  static func write<Value: BitwiseCopyable>(_ values: [Value], to path: FilePath) throws {
    try values.withUnsafeBytes { Data($0) }.write(to: URL(filePath: path.string))
  }

  static func read<Value: BitwiseCopyable>(_ path: FilePath, as type: Value.Type = Value.self) throws -> [Value] {
    let data = try Data(contentsOf: URL(filePath: path.string))
    return data.withUnsafeBytes { Array($0.bindMemory(to: Value.self)) }
  }

  struct Failure: Error {
    var arguments: [String]
  }

  /// Standard output; nil if the exit status is not 0.
  private static func run(_ arguments: [String]) -> Data? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    guard (try? process.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? data : nil
  }
}
