import Foundation
import Glibc
import SystemPackage

/// A private directory for one test, removed at the end with everything in it. Stops the tests if it cannot do its work.
package final class TemporaryDirectory: Sendable {
  package let path: FilePath

  /// - Parameter parent: decides the file system.
  package init(in parent: FilePath = "/tmp") {
    path = parent.appending("staypos-test-\(getpid())-\(UInt64.random(in: 0 ... .max))")
    precondition(path.withPlatformString { mkdir($0, 0o700) } == 0, "cannot make \(path)")
  }

  deinit {
    do {
      try FileManager.default.removeItem(atPath: path.string)
    } catch {
      print("left behind: \(error)")
    }
  }

  package var url: URL { URL(filePath: path.string) }

  package func path(_ name: String) -> FilePath { path.appending(name) }

  @discardableResult
  package func write(_ content: String, to name: String) -> FilePath {
    let file = path(name)
    let descriptor = file.withPlatformString { open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
    precondition(descriptor >= 0, "cannot make \(file)")
    precondition(Glibc.write(descriptor, content, content.utf8.count) == content.utf8.count)
    close(descriptor)
    return file
  }

  package func makeDirectory(_ name: String) -> FilePath {
    let directory = path(name)
    precondition(directory.withPlatformString { mkdir($0, 0o755) } == 0, "cannot make \(directory)")
    return directory
  }

  package func makeSymlink(_ name: String, to target: FilePath) -> FilePath {
    let link = path(name)
    let result = target.withPlatformString { to in link.withPlatformString { symlink(to, $0) } }
    precondition(result == 0, "cannot make \(link)")
    return link
  }
}
