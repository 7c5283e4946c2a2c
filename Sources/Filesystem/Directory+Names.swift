import CLinux
import Glibc
import SystemPackage

extension Directory {
  /// renameat2(2). Between two links of one inode the kernel reports success and keeps both, unless `noReplace`.
  ///
  /// - Parameter noReplace: fails with `exists` instead of replacing; `unsupported` where the file system cannot.
  package func rename(
    _ name: FilePath.Component, to target: borrowing Directory, as newName: FilePath.Component, noReplace: Bool
  ) throws(FilesystemError) {
    let (source, destination) = (descriptor.rawValue, target.descriptor.rawValue)
    try name.withPlatformString { from in
      newName.withPlatformString { to in
        systemCall { clinux_rename(source, from, destination, to, noReplace) }
      }
    }.orThrow("rename", path.appending(name))
  }

  /// Gives a file a name that others may want too, and never takes it from them. Where the file system has no
  /// RENAME_NOREPLACE (NFS, 9p, some of FUSE) by link(2) and unlink(2): whoever is killed in between leaves both names.
  ///
  /// - Throws: `exists`; the file keeps its name then.
  package func move(
    _ name: FilePath.Component, to target: borrowing Directory, as newName: FilePath.Component
  ) throws(FilesystemError) {
    do throws(FilesystemError) {
      return try rename(name, to: target, as: newName, noReplace: true)
    } catch {
      guard error.code == .unsupported else { throw error }
    }
    let (source, destination) = (descriptor.rawValue, target.descriptor.rawValue)
    try name.withPlatformString { from in
      newName.withPlatformString { to in
        systemCall { linkat(source, from, destination, to, 0) }
      }
    }.orThrow("link", path.appending(name))
    do throws(FilesystemError) {
      try unlink(name)
    } catch {
      // A server answers so to a call that it gets twice.
      if error.code == .notFound { return }
      try? target.unlink(newName)
      throw error
    }
  }

  /// Gives an open file another name here; never replaces. `not-found` if its last name is gone.
  package func link(_ file: borrowing Descriptor, as name: FilePath.Component) throws(FilesystemError) {
    let (source, destination) = (file.rawValue, descriptor.rawValue)
    try name.withPlatformString { pointer in
      systemCall { clinux_link_descriptor(source, destination, pointer) }
    }.orThrow("link", path.appending(name))
  }

  package func unlink(_ name: FilePath.Component) throws(FilesystemError) {
    try name.withPlatformString { pointer in
      systemCall { unlinkat(descriptor.rawValue, pointer, 0) }
    }.orThrow("unlink", path.appending(name))
  }

  /// - Parameter mode: less the umask.
  package func makeDirectory(_ name: FilePath.Component, mode: mode_t) throws(FilesystemError) {
    try name.withPlatformString { pointer in
      systemCall { mkdirat(descriptor.rawValue, pointer, mode) }
    }.orThrow("make the directory", path.appending(name))
  }
}
