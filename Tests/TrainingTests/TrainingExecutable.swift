import Foundation

/// `staypos` itself.
enum TrainingExecutable {
  /// Beside the test runner, which SwiftPM builds it with.
  static var url: URL {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("staypos")
  }

  static func run(_ arguments: [String]) throws -> (status: Int32, output: Data, complaints: String) {
    let process = Process()
    process.executableURL = url
    process.arguments = arguments
    let (output, complaints) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, complaints)
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    let text = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, data, text)
  }
}
