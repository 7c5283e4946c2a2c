import ControlInterface
import Filesystem
import Foundation
import SystemPackage
import Testing

@testable import ControlServer

struct ListenerTests {
  private func code(_ path: FilePath) throws -> ControlServerError.Code? {
    do throws(ControlServerError) {
      _ = try ControlListener(path: path)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func replacesAStaleSocketAndNothingElse() throws {
    let directory = try Harness.makeDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory.string) }
    let path = directory.appending("s")
    // Its descriptor is closed, its name stays: what a killed daemon leaves.
    #expect(try code(path) == nil)
    #expect(try code(path) == nil)
    let listener = try ControlListener(path: path, mode: 0o660)
    #expect(try code(path) == .alreadyRunning)
    var information = stat()
    #expect(lstat(path.string, &information) == 0 && information.st_mode & 0o777 == 0o660)
    listener.unlink()
    #expect(access(path.string, F_OK) != 0)
    _ = FileManager.default.createFile(atPath: path.string, contents: Data("precious".utf8))
    #expect(try code(path) == .badPath)
    #expect(FileManager.default.contents(atPath: path.string) == Data("precious".utf8))
    #expect(try code(directory.appending(String(repeating: "x", count: 120))) == .badPath)
    #expect(try code(directory.appending("missing/s")) == .cannotListen)
  }

  @Test func leavesAnotherDaemonsSocket() throws {
    let directory = try Harness.makeDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory.string) }
    let path = directory.appending("s")
    let listener = try ControlListener(path: path)
    unlink(path.string)
    // Holds the number of the inode's successor away from the first one's.
    let other = try ControlListener(path: path)
    listener.unlink()
    #expect(access(path.string, F_OK) == 0)
    other.unlink()
    #expect(access(path.string, F_OK) != 0)
  }
}
