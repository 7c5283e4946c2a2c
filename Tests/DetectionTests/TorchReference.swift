import Foundation
import SystemPackage

/// Random models and PyTorch's answers, made by Tests/Support/torch_reference.py in the run itself; nothing is stored.
struct TorchReference {
  struct Result: Decodable {
    var width: Int
    var height: Int
    /// File name of the raw RGB pixels.
    var image: String
    var logit: Double
    /// Σ|wᵢhᵢ| + |b|: what the logit's error is measured against.
    var magnitude: Double
    var map_width: Int
    var map_height: Int
    var map: [Double]
  }

  static let python = "/usr/bin/python3"

  /// False where Debian's python3-torch is not installed.
  static let isAvailable =
    status(["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"]) == 0

  let model: FilePath
  let results: [Result]
  private let directory: URL

  /// Runs the script for one of its cases.
  init(_ name: String, seed: UInt64) throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Support/torch_reference.py")
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("staypos-torch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let status = Self.status([script.path, directory.path, "\(seed)", name])
    guard status == 0 else { throw Failure(status: status) }
    model = FilePath(directory.appendingPathComponent("\(name).safetensors").path)
    let json = try Data(contentsOf: directory.appendingPathComponent("\(name).json"))
    results = try JSONDecoder().decode([Result].self, from: json)
  }

  func pixels(_ result: Result) throws -> [UInt8] {
    Array(try Data(contentsOf: directory.appendingPathComponent(result.image)))
  }

  func remove() {
    try? FileManager.default.removeItem(at: directory)
  }

  struct Failure: Error {
    var status: Int32
  }

  /// Exit status of Python with these arguments; its complaints go to standard error.
  static func status(_ arguments: [String]) -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = arguments
    do {
      try process.run()
    } catch {
      return -1
    }
    process.waitUntilExit()
    return process.terminationStatus
  }
}
