import Glibc
import StayposCore
import SystemPackage

/// The results could not be kept: exit status 74, as for standard output.
struct OutputFailure: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Where a command puts several files.
enum OutputDirectory {
  /// With the directories above it; one that is there already is used.
  static func make(_ path: FilePath) throws {
    var missing: [FilePath] = []
    var current = path.lexicallyNormalized()
    while !current.isEmpty, current.withPlatformString({ mkdir($0, 0o777) }) != 0 {
      let code = errno
      if code == EEXIST { break }
      guard code == ENOENT else {
        throw OutputFailure("cannot make the directory \(path.escaped): \(Errno(rawValue: code))")
      }
      missing.append(current)
      guard current.removeLastComponent() else { break }
    }
    for directory in missing.reversed() {
      guard directory.withPlatformString({ mkdir($0, 0o777) }) == 0 || errno == EEXIST else {
        throw OutputFailure("cannot make the directory \(path.escaped): \(Errno(rawValue: errno))")
      }
    }
  }

  /// Replaces files of these names.
  static func write(_ files: [(name: String, bytes: [UInt8])], to directory: FilePath) throws {
    try make(directory)
    for (name, bytes) in files {
      do {
        try OutputFile.write(bytes, to: directory.appending(name))
      } catch {
        throw OutputFailure("cannot write \(directory.appending(name).escaped): \(error)")
      }
    }
  }
}
