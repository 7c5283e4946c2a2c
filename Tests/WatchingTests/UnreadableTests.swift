import Filesystem
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Watching

/// What cannot be opened is not forgotten.
@Suite struct UnreadableTests {
  /// Threads that are made meanwhile have no more rights to files than nobody has, also if the tests run as root.
  private func withoutRights<Result>(_ body: () throws -> Result) throws -> Result {
    // Not in Swift's Glibc.
    let address = try #require(dlsym(nil, "setfsuid"))
    let setfsuid = unsafeBitCast(address, to: (@convention(c) (uid_t) -> CInt).self)
    guard geteuid() == 0 else { return try body() }
    _ = setfsuid(65_534)
    defer { _ = setfsuid(0) }
    return try body()
  }

  /// Directories in each other, the last beyond what a path can say, with a file in it.
  private func makeDeep(in top: FilePath, _ name: String, levels: Int) {
    var directory = open(top.string, O_RDONLY)
    for _ in 0..<levels {
      #expect(mkdirat(directory, name, 0o755) == 0)
      let below = openat(directory, name, O_RDONLY)
      close(directory)
      directory = below
    }
    close(openat(directory, "file", O_WRONLY | O_CREAT, 0o600))
    close(directory)
  }

  @Test(.enabled(if: getenv("STAYPOS_LONG_PATHS") != nil, "ten seconds in a debug build: set STAYPOS_LONG_PATHS"))
  func aPathThatIsTooLongIsToldOfUntilItIsShorter() throws {
    let name = String(repeating: "d", count: 240)
    let harness = try Harness { makeDeep(in: $0.path, name, levels: 17) }
    #expect(harness.snapshot().degraded == ["unreadable"])
    #expect(harness.eventually { !$0.degradations.isEmpty })
    let problem = try #require(harness.watcher.status.degradations.first)
    #expect(problem.detail.hasPrefix("1 place cannot be opened") && problem.remedy.hasPrefix("shorten"))
    harness.move(harness.temporary.path(name), harness.temporary.path("short"))
    #expect(harness.wait { $0.settled.contains { $0.path.lastComponent == "file" } })
    #expect(harness.wait { $0.recovered == ["unreadable"] })
    #expect(harness.eventually { $0.degradations.isEmpty })
    #expect(harness.snapshot().degraded == ["unreadable"])
  }

  /// Mode 0: it cannot be listed. Mode 4: its names are known, and no more.
  @Test(arguments: [mode_t(0), 0o444])
  func aDirectoryWithoutRightsIsToldOfUntilItHasThem(mode: mode_t) throws {
    let harness = try withoutRights {
      try Harness(unreadableInterval: .milliseconds(50)) { temporary in
        _ = temporary.makeDirectory("above")
        let closed = temporary.makeDirectory("above/closed")
        temporary.write("x", to: "above/closed/file")
        #expect(chmod(closed.string, mode) == 0)
      }
    }
    #expect(harness.snapshot().degraded == ["unreadable"])
    #expect(harness.eventually { !$0.degradations.isEmpty })
    let since = try #require(harness.watcher.status.degradations.first).since
    #expect(harness.watcher.status.degradations.first?.remedy.hasPrefix("give the staypos user") == true)
    // It is found again where it is now; the attempts in between change nothing.
    harness.move(harness.temporary.path("above"), harness.temporary.path("below"))
    let turns = harness.watcher.status.wakeups
    #expect(harness.eventually { $0.wakeups > turns + 10 })
    #expect(harness.snapshot().recovered.isEmpty)
    #expect(harness.watcher.status.degradations.map(\.since) == [since])
    #expect(chmod(harness.temporary.path("below/closed").string, 0o755) == 0)
    #expect(harness.waitForSettled(harness.temporary.path("below/closed/file")))
    #expect(harness.wait { $0.recovered == ["unreadable"] })
    harness.expectOnce(harness.temporary.write("x", to: "below/closed/later"))
    // What is deleted is no longer told of.
    #expect(mkdir(harness.temporary.path("gone").string, mode) == 0)
    #expect(harness.wait { $0.degraded.count == 2 })
    #expect(rmdir(harness.temporary.path("gone").string) == 0)
    #expect(harness.wait { $0.recovered.count == 2 })
  }

  /// Who makes ever new files that cannot be looked up fills no memory, and none is lost when they can.
  @Test(.enabled(if: geteuid() == 0, "needs root: makes files where the watcher has no rights"))
  func manyNamesAreOnePlace() throws {
    let harness = try withoutRights { try Harness(unreadableInterval: .seconds(1)) { _ = $0.makeDirectory("closed") } }
    let closed = harness.temporary.path("closed").string
    #expect(chmod(closed, 0o444) == 0)
    for index in 0..<200 { harness.temporary.write("x", to: "closed/\(index)") }
    #expect(harness.eventually { $0.degradations.first?.detail.hasPrefix("65 places cannot be opened") == true })
    for index in 0..<150 { #expect(unlink("\(closed)/\(index)") == 0) }
    #expect(chmod(closed, 0o755) == 0)
    for index in 150..<200 { #expect(harness.waitForSettled(harness.temporary.path("closed/\(index)"))) }
    #expect(harness.eventually { $0.degradations.isEmpty })
  }

  /// Nothing can be watched in a directory that may be passed, but not read.
  @Test func aMissingRootThatNothingTellsOfIsFound() throws {
    let harness = try withoutRights {
      try Harness(roots: [WatchRoot(path: "above/uploads")], unreadableInterval: .milliseconds(50)) {
        #expect(chmod($0.makeDirectory("above").string, 0o311) == 0)
      }
    }
    #expect(harness.snapshot().degraded == ["root-missing"])
    _ = harness.temporary.makeDirectory("above/uploads")
    #expect(harness.waitForSettled(harness.temporary.write("x", to: "above/uploads/file")))
    chmod(harness.temporary.path("above").string, 0o755)
    #expect(harness.snapshot().recovered == ["root-missing"])
  }
}
