import Glibc
import SystemPackage

extension Directory {
  /// Writes a whole file so that a crash leaves either the old content or the new: a temporary name, fsync, rename,
  /// fsync of the directory.
  ///
  /// - Parameters:
  ///   - mode: permission bits, regardless of the umask.
  ///   - noReplace: fails with `exists` if the name is taken.
  package func writeAtomically(
    _ bytes: some Sequence<UInt8>, to name: FilePath.Component, mode: UInt32, noReplace: Bool = false
  ) throws(FilesystemError) {
    let random = String(UInt64.random(in: 0 ... .max), radix: 16)
    guard let temporary = FilePath.Component(".staypos-\(random).tmp") else {
      throw FilesystemError(.other, operation: "name a temporary file", path: path)
    }
    let file = try open(temporary, .create(mode: 0o600))
    do throws(FilesystemError) {
      try file.setMode(mode)
      try file.writeAll(bytes)
      try file.sync()
      if noReplace {
        try move(temporary, to: self, as: name)
      } else {
        try rename(temporary, to: self, as: name, noReplace: false)
      }
    } catch {
      // The first error is the one to report; a leftover temporary file harms nobody.
      try? unlink(temporary)
      throw FilesystemError(error, path: path.appending(name))
    }
    try sync()
  }
}

extension FilesystemError {
  /// The same error with a path, where a descriptor knew none.
  package init(_ error: FilesystemError, path: FilePath) {
    self = error
    self.path = path
  }
}
