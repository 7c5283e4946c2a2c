import Filesystem
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
    guard let bytes = try? FilePath(file).contents() else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("\(name):") {
      return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
    }
    return nil
  }
}
