import Foundation
import StayposCore

@testable import ImageDecoding

/// The reference decoder: Debian's `python3-pil`, which uses the same libraries.
enum Pillow {
  static let isAvailable: Bool = {
    guard (try? run(["-c", "import PIL.Image"])) != nil else {
      print("python3-pil is missing: the comparison with Pillow is skipped")
      return false
    }
    return true
  }()

  static let hasJPEGTools: Bool = {
    let present = ["cjpeg", "jpegtran"].allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }
    if !present {
      print("libjpeg-turbo-progs is missing: arithmetic coding, restarts and unusual sampling are not compared")
    }
    return present
  }()

  struct Failure: Error {
    var status: Int32
    var message: String
  }

  /// Runs the system's Python and returns what it prints.
  @discardableResult
  static func run(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus, message: text) }
    return text
  }

  /// An image file and the reference's pixels.
  struct Sample {
    var name: String
    var file: URL
    var size: ImageSize
    var pixels: [UInt8]
  }

  /// Writes images of the kinds and decodes them, or, with kind `decode`, decodes files.
  static func samples(_ kind: String, _ files: [String] = [], in directory: URL) throws -> [Sample] {
    let output = try run(["-c", script, kind, directory.path] + files)
    return try output.split(separator: "\n").map { line in
      let fields = line.split(separator: "\t").map(String.init)
      guard fields.count == 5, let width = Int(fields[1]), let height = Int(fields[2]) else {
        throw Failure(status: 0, message: String(line))
      }
      return Sample(
        name: fields[0], file: URL(fileURLWithPath: fields[3]), size: ImageSize(width: width, height: height),
        pixels: Array(try Data(contentsOf: URL(fileURLWithPath: fields[4]))))
    }
  }
}
