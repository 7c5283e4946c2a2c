import ArgumentParser
import FoundationEssentials
import Glibc
import StayposCore
import SystemPackage

/// Standard output and standard error, one line at a time.
enum Console {
  /// A terminal gets columns and colour, a pipe gets neither.
  static let isTerminal = isatty(STDOUT_FILENO) == 1
  /// https://no-color.org
  static let isColoured = isTerminal && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)

  enum Colour: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case dim = "2"
  }

  static func paint(_ text: String, _ colour: Colour) -> String {
    isColoured ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Unbuffered: whoever reads a pipe sees a verdict when it is made.
  static func write(line: String) throws {
    do {
      try FileDescriptor.standardOutput.writeAll(Array("\(line)\n".utf8))
    } catch {
      complain("cannot write to standard output: \(error)")
      throw ExitCode.outputFailed
    }
  }

  /// One JSON object on one line, keys in alphabetical order.
  static func write(json value: some Encodable) throws {
    try write(line: String(decoding: try json(value), as: UTF8.self))
  }

  /// Fit for a terminal.
  static func json(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(value).printableJSON
  }

  static func complain(_ message: String) {
    _ = try? FileDescriptor.standardError.writeAll(Array("staypos: \(printable(message))\n".utf8))
  }

  /// A line on standard error that is no complaint.
  static func note(_ message: String) {
    _ = try? FileDescriptor.standardError.writeAll(Array("\(printable(message))\n".utf8))
  }

  /// Text from elsewhere (a decoder, a model file) without anything that a terminal would obey.
  static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.flatMap { scalar -> [UnicodeScalar] in
          scalar.isPrintable ? [scalar] : Array(scalar.escaped(asASCII: true).unicodeScalars)
        }))
  }
}

extension String {
  func padded(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }

  func leftPadded(_ width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
