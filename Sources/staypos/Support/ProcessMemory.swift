import Glibc
import SystemPackage

/// Figures from /proc.
enum ProcessMemory {
  /// The most memory that this process has had resident, in bytes.
  static var peak: Int? { kibibytes("VmHWM", in: "/proc/self/status").map { $0 * 1024 } }

  /// Bytes that one image may take: nine tenths of what the kernel calls available, since no verdict is better than a process
  /// that the kernel kills. Nil if it does not say.
  static var limit: Int? { kibibytes("MemAvailable", in: "/proc/meminfo").map { $0 * 1024 / 10 * 9 } }

  /// The number of a line `Name:   1234 kB`.
  static func kibibytes(_ name: String, in file: String) -> Int? {
    guard let text = try? contents(of: file) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
      return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
    }
    return nil
  }

  private static func contents(of path: String) throws -> String {
    let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
    return try file.closeAfter {
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 4096)
      while case let count = try chunk.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
        bytes += chunk[..<count]
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}
