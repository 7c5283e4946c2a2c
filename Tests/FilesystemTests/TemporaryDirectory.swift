import Filesystem
import Glibc
import StayposCore
import SystemPackage

/// A private directory for one test, removed at the end. Names are byte-exact.
final class TemporaryDirectory: Sendable {
  let path: FilePath

  /// - Parameter parent: decides the file system.
  init(in parent: FilePath = "/tmp") {
    let name = "staypos-test-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    let path = parent.appending(name)
    precondition(path.withPlatformString { mkdir($0, 0o700) } == 0, "cannot make \(path)")
    self.path = path
  }

  deinit {
    do {
      try Self.removeContent(of: Directory(opening: path))
      try FileLocation(path).directory.removeDirectory(FileLocation(path).name)
    } catch {
      print("left behind: \(error)")
    }
  }

  private static func removeContent(of directory: borrowing Directory) throws {
    var stream = try DirectoryStream(directory)
    while let entry = try stream.next() {
      if try directory.status(of: entry.name).kind == .directory {
        try removeContent(of: Directory(opening: entry.name, in: directory))
        try directory.removeDirectory(entry.name)
      } else {
        try directory.unlink(entry.name)
      }
    }
  }

  func path(_ name: String) -> FilePath { path.appending(name) }

  @discardableResult
  func write(_ content: String, to name: String) -> FilePath {
    let file = path(name)
    let descriptor = file.withPlatformString { Glibc.open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
    precondition(descriptor >= 0, "cannot make \(file)")
    precondition(Glibc.write(descriptor, content, content.utf8.count) == content.utf8.count)
    close(descriptor)
    return file
  }

  func makeDirectory(_ name: String) -> FilePath {
    let directory = path(name)
    precondition(directory.withPlatformString { mkdir($0, 0o755) } == 0, "cannot make \(directory)")
    return directory
  }

  func makeSymlink(_ name: String, to target: FilePath) -> FilePath {
    let link = path(name)
    let result = target.withPlatformString { to in link.withPlatformString { symlink(to, $0) } }
    precondition(result == 0, "cannot make \(link)")
    return link
  }
}
