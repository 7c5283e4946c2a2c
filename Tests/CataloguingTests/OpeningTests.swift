import Cataloguing
import Foundation
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing

@Suite struct OpeningTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = TemporaryDirectory()
  }

  @Test func filesArePrivateWhateverTheUmask() throws {
    let catalogue = try Catalogue(directory: directory.path)
    _ = try catalogue.admit("/up/a", inode: 1)
    for name in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm", "catalogue.lock"] {
      var status = stat()
      #expect(stat(directory.path.appending(name).string, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600, "\(name)")
    }
    withExtendedLifetime(catalogue) {}
  }

  @Test func secondDaemonIsRefused() throws {
    let first = try Catalogue(directory: directory.path)
    let error = try #require(throws: CatalogueError.self) { _ = try Catalogue(directory: directory.path) }
    #expect(error.code == .locked)
    #expect(error.message.contains("process \(getpid())"))
    withExtendedLifetime(first) {}
  }

  /// As a child of this process has it between fork and exec, whoever starts it.
  @Test func aCopyOfTheDescriptorKeepsNoLock() throws {
    var first: Catalogue? = try Catalogue(directory: directory.path)
    let lock = directory.path.appending("catalogue.lock").string
    let holder = try #require(
      (0..<1024).first { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == lock })
    let copy = dup(CInt(holder))
    defer { close(copy) }
    withExtendedLifetime(first) {}
    first = nil
    #expect(throws: Never.self) { _ = try Catalogue(directory: directory.path) }
  }

  @Test func anotherProcessIsRefusedAndItsDeathFreesTheLock() async throws {
    let path: String = directory.path.string
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let directory = FilePath(path)
      let catalogue = try Catalogue(directory: directory)
      // util-linux's flock(1) is the other process.
      let flock = try Process.run(
        URL(fileURLWithPath: "/usr/bin/flock"),
        arguments: ["--nonblock", "--conflict-exit-code", "7", path + "/catalogue.lock", "true"])
      flock.waitUntilExit()
      guard flock.terminationStatus == 7 else { exit(1) }
      kill(getpid(), SIGKILL)
      withExtendedLifetime(catalogue) {}
    }
    _ = try Catalogue(directory: directory.path)
  }

  @Test func lockHeldElsewhereIsReported() throws {
    let pipe = Pipe()
    let holder = Process()
    holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
    holder.arguments = [directory.path.appending("catalogue.lock").string, "sh", "-c", "echo held; exec cat"]
    let input = Pipe()
    holder.standardInput = input
    holder.standardOutput = pipe
    try holder.run()
    #expect(pipe.fileHandleForReading.availableData == Data("held\n".utf8))
    let error = try #require(throws: CatalogueError.self) { _ = try Catalogue(directory: directory.path) }
    #expect(error.code == .locked)
    try input.fileHandleForWriting.close()
    holder.waitUntilExit()
  }

  @Test(arguments: [
    Data(
      "this is not a database, and it is longer than SQLite's header of one hundred bytes, which it checks first".utf8),
    Data(repeating: 0x5A, count: 8192),
  ])
  func foreignFileIsRefusedAndLeftAlone(content: Data) throws {
    let file = directory.path.appending("catalogue.sqlite").string
    try content.write(to: URL(fileURLWithPath: file))
    let error = try #require(throws: CatalogueError.self) { _ = try Catalogue(directory: directory.path) }
    #expect(error.code == .corrupt)
    #expect(error.message.contains("move the file"))
    #expect(FileManager.default.contents(atPath: file) == content)
  }

  @Test func damagedPageIsNoticed() throws {
    do {
      let catalogue = try Catalogue(directory: directory.path)
      for inode in 0..<2000 as Range<UInt64> { _ = try catalogue.admit(FilePath("/up/\(inode)"), inode: inode) }
    }
    let handle = try #require(FileHandle(forUpdatingAtPath: directory.path.appending("catalogue.sqlite").string))
    let size = try handle.seekToEnd()
    #expect(size > 100_000)
    for page in stride(from: UInt64(40_960), to: 81_920, by: 4096) {
      try handle.seek(toOffset: page)
      try handle.write(contentsOf: Data(repeating: 0xEE, count: 200))
    }
    try handle.close()
    let error = try #require(throws: CatalogueError.self) { _ = try Catalogue(directory: directory.path) }
    #expect(error.code == .corrupt)
  }

  @Test func laterVersionIsRefused() throws {
    do { _ = try Catalogue(directory: directory.path) }
    let sqlite = try Process.run(
      URL(fileURLWithPath: "/usr/bin/env"),
      arguments: [
        "python3", "-c",
        "import sqlite3,sys;c=sqlite3.connect(sys.argv[1]);c.execute(\"insert into grdb_migrations values ('99')\");c.commit()",
        directory.path.appending("catalogue.sqlite").string,
      ])
    sqlite.waitUntilExit()
    try #require(sqlite.terminationStatus == 0)
    let error = try #require(throws: CatalogueError.self) { _ = try Catalogue(directory: directory.path) }
    #expect(error.code == .tooNew)
  }

  @Test func missingDirectoryAndSymbolicLinkAreRefused() throws {
    let missing = directory.path.appending("none")
    #expect(try #require(throws: CatalogueError.self) { _ = try Catalogue(directory: missing) }.code == .permission)
    let other = TemporaryDirectory()
    let victim = other.path.appending("victim").string
    symlink(victim, directory.path.appending("catalogue.sqlite").string)
    #expect(
      try #require(throws: CatalogueError.self) { _ = try Catalogue(directory: directory.path) }.code == .permission)
    #expect(!FileManager.default.fileExists(atPath: victim))
  }

  /// kill -9 between any two calls: what was completed is in the history and nowhere else, the rest waits.
  @Test func killedDaemonLosesNothing() async throws {
    let path: String = directory.path.string
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let catalogue = try Catalogue(directory: FilePath(path))
      for inode in 0..<10 as Range<UInt64> { _ = try catalogue.admit(FilePath("/up/\(inode)"), inode: inode) }
      for _ in 0..<4 {
        guard let item = try catalogue.lease(now: time(20)) else { exit(1) }
        _ = try catalogue.complete(itemID: item.id, entry: entry(item.path), identity: item.identity)
      }
      guard try catalogue.lease(now: time(20)) != nil, try catalogue.lease(now: time(20)) != nil else { exit(1) }
      kill(getpid(), SIGKILL)
    }
    let catalogue = try Catalogue(directory: directory.path)
    #expect(try catalogue.history(limit: 99).entries.map(\.path) == ["/up/3", "/up/2", "/up/1", "/up/0"])
    #expect(try catalogue.queue(limit: 99).map(\.item.path) == (4..<10).map { FilePath("/up/\($0)") })
    #expect(catalogue.totals.queue == QueueDepth(waiting: 6, leased: 0, oldest: time(10)))
    #expect(try catalogue.admit("/up/2", inode: 2) == .alreadyJudged)
    #expect(try catalogue.lease(now: time(20))?.path == "/up/4")
  }
}
