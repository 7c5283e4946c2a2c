import Foundation

/// Python with the packages of `Tests/requirements.txt`: `make test-dependencies` makes it.
package enum ReferencePython {
  package static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let python = repository.appending(path: ".build-venv/bin/python").path

  package struct Failure: Error {
    package var status: Int32
    package var message: String

    package init(status: Int32, message: String) {
      self.status = status
      self.message = message
    }
  }

  /// Whether it can import all of these.
  package static func has(_ modules: String...) -> Bool {
    (try? run(["-c", "import \(modules.joined(separator: ", "))"])) != nil
  }

  /// Runs a script of `Tests/Support` and returns what it prints.
  @discardableResult
  package static func run(script: String, _ arguments: [String]) throws -> String {
    try run([repository.appending(path: "Tests/Support/\(script)").path] + arguments)
  }

  private static func run(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // One after the other: what these scripts complain of fits into a pipe.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let message = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus, message: message) }
    return text
  }
}
