import Glibc
import SystemPackage

/// Writes a file beside its place and renames it: at the path is either all of it or what was there before. Something
/// that is no regular file (a terminal, a pipe, /dev/stdout) is written to directly.
enum OutputFile {
  static func write(_ bytes: [UInt8], to path: FilePath) throws {
    var status = stat()
    let exists = path.withPlatformString { stat($0, &status) } == 0
    if exists, status.st_mode & S_IFMT != S_IFREG {
      let file = try FileDescriptor.open(path, .writeOnly, options: .closeOnExec)
      _ = try file.closeAfter { try file.writeAll(bytes) }
      return
    }
    // Not the process's number alone: in a container it is the same each time, and so would be what a killed one has left.
    let temporary = path.removingLastComponent().appending(
      ".staypos-\(getpid())-\(String(UInt32.random(in: 0...UInt32.max), radix: 16)).partial")
    let file = try FileDescriptor.open(
      temporary, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
      permissions: [.ownerReadWrite, .groupReadWrite, .otherReadWrite])
    do {
      try file.closeAfter {
        _ = try file.writeAll(bytes)
        guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
      }
      let renamed = temporary.withPlatformString { from in path.withPlatformString { to in rename(from, to) } }
      guard renamed == 0 else { throw Errno(rawValue: errno) }
    } catch {
      _ = temporary.withPlatformString { unlink($0) }
      throw error
    }
  }

  /// Both are names of one file.
  static func isSame(_ first: FilePath, _ second: FilePath) -> Bool {
    var (one, other) = (stat(), stat())
    guard first.withPlatformString({ stat($0, &one) }) == 0, second.withPlatformString({ stat($0, &other) }) == 0 else {
      return false
    }
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino
  }
}
