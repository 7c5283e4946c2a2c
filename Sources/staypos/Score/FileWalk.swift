import Glibc
import StayposCore
import SystemPackage

/// Turns arguments into files: a directory stands for all regular files in it and below it, in the order of the bytes of
/// their names. Symbolic links, devices, FIFOs and sockets inside a directory are passed over; an argument may be a link.
struct FileWalk {
  enum Item: Equatable {
    case file(FilePath)
    /// A directory that cannot be listed.
    case unreadable(FilePath, Errno)
  }

  /// Calls `body` for each file as it is found.
  static func visit(_ arguments: [FilePath], _ body: (Item) throws -> Void) rethrows {
    for argument in arguments {
      if kind(of: argument, following: true) == S_IFDIR {
        try visit(directory: argument, body)
      } else {
        try body(.file(argument))
      }
    }
  }

  private static func visit(directory: FilePath, _ body: (Item) throws -> Void) rethrows {
    let names: [FilePath.Component]
    switch list(directory) {
    case .success(let list): names = list
    case .failure(let errno):
      try body(.unreadable(directory, errno))
      return
    }
    for name in names {
      let path = directory.appending(name)
      switch kind(of: path, following: false) {
      case S_IFDIR: try visit(directory: path, body)
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

  private static func kind(of path: FilePath, following: Bool) -> mode_t? {
    var status = stat()
    let flags = following ? 0 : AT_SYMLINK_NOFOLLOW
    guard path.withPlatformString({ fstatat(AT_FDCWD, $0, &status, flags) }) == 0 else { return nil }
    return status.st_mode & S_IFMT
  }
}

extension FilePath {
  fileprivate init(_ component: Component) {
    self.init(root: nil, [component])
  }
}
