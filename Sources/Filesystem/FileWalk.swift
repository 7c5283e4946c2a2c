import Glibc
import StayposCore
import SystemPackage

/// Turns arguments into files: a directory stands for all regular files in it and below it, in the order of the bytes of
/// their names. Devices, FIFOs and sockets inside a directory are passed over, and symbolic links too unless they are
/// followed; an argument may be a link.
package enum FileWalk {
  package enum Item: Equatable {
    case file(FilePath)
    /// A directory that cannot be listed.
    case unreadable(FilePath, Errno)
  }

  /// Follows a symbolic link.
  package static func isDirectory(_ path: FilePath) -> Bool {
    status(of: path, following: true)?.kind == S_IFDIR
  }

  /// Calls `body` for each file as it is found.
  /// - Parameter followingLinks: inside directories too; one that leads back to where it is found is passed over.
  package static func visit(
    _ arguments: [FilePath], followingLinks: Bool = false, _ body: (Item) throws -> Void
  ) rethrows {
    for argument in arguments {
      guard let status = status(of: argument, following: true), status.kind == S_IFDIR else {
        try body(.file(argument))
        continue
      }
      try visit(directory: argument, below: [status.inode], followingLinks: followingLinks, body)
    }
  }

  /// - Parameter ancestors: the directories on the way here, this one included.
  private static func visit(
    directory: FilePath, below ancestors: [Inode], followingLinks: Bool, _ body: (Item) throws -> Void
  ) rethrows {
    let names: [FilePath.Component]
    switch list(directory) {
    case .success(let list): names = list
    case .failure(let errno):
      try body(.unreadable(directory, errno))
      return
    }
    for name in names {
      let path = directory.appending(name)
      guard let status = status(of: path, following: followingLinks) else { continue }
      switch status.kind {
      case S_IFDIR:
        guard !ancestors.contains(status.inode) else { continue }
        try visit(directory: path, below: ancestors + [status.inode], followingLinks: followingLinks, body)
      case S_IFREG: try body(.file(path))
      default: break
      }
    }
  }

  private static func list(_ directory: FilePath) -> Result<[FilePath.Component], Errno> {
    guard let stream = directory.withPlatformString({ opendir($0) }) else { return .failure(Errno(rawValue: errno)) }
    defer { closedir(stream) }
    var names: [FilePath.Component] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        let code = errno
        guard code == 0 else { return .failure(Errno(rawValue: code)) }
        return .success(names.sorted { FilePath($0).bytes.lexicographicallyPrecedes(FilePath($1).bytes) })
      }
      // By its address: the name may be longer than the struct says.
      let name = UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \.d_name) ?? 0)
        .assumingMemoryBound(to: CChar.self)
      if let component = FilePath.Component(platformString: name), component.kind == .regular {
        names.append(component)
      }
    }
  }

  private struct Inode: Equatable {
    var device: dev_t
    var number: ino_t
  }

  private static func status(of path: FilePath, following: Bool) -> (kind: mode_t, inode: Inode)? {
    var status = stat()
    let flags = following ? 0 : AT_SYMLINK_NOFOLLOW
    guard path.withPlatformString({ fstatat(AT_FDCWD, $0, &status, flags) }) == 0 else { return nil }
    return (status.st_mode & S_IFMT, Inode(device: status.st_dev, number: status.st_ino))
  }
}

extension FilePath {
  fileprivate init(_ component: Component) {
    self.init(root: nil, [component])
  }
}
