import CLinux
import Filesystem
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Watching

/// Directories that come, go and move, on a real file system.
@Suite struct DirectoriesOnDiskTests {
  @Test("Pitfall 10: a file in directories made at once is found") func aFileInDirectoriesMadeAtOnceIsFound() throws {
    let harness = try Harness()
    _ = harness.temporary.makeDirectory("1")
    _ = harness.temporary.makeDirectory("1/2")
    _ = harness.temporary.makeDirectory("1/2/3")
    harness.expectOnce(harness.temporary.write("content", to: "1/2/3/file"))
    for directory in ["1", "1/2", "1/2/3"] {
      harness.expectOnce(harness.temporary.write("later", to: "\(directory)/later"))
    }
  }

  @Test("Pitfall 11: a directory that is moved in brings its files") func aDirectoryThatIsMovedInBringsItsFiles() throws
  {
    let outside = TemporaryDirectory()
    _ = outside.makeDirectory("album")
    _ = outside.makeDirectory("album/inner")
    outside.write("1", to: "album/one")
    outside.write("2", to: "album/inner/two")
    let harness = try Harness()
    harness.move(outside.path("album"), harness.temporary.path("album"))
    harness.expectOnce(harness.temporary.path("album/one"))
    harness.expectOnce(harness.temporary.path("album/inner/two"))
    #expect(harness.snapshot().settled.first { $0.path == harness.temporary.path("album/one") }?.priority == .live)
  }

  @Test("Pitfalls 12 and 13: a directory that is moved out is forgotten, and another takes its name")
  func aDirectoryThatIsMovedOutIsForgotten() throws {
    let outside = TemporaryDirectory()
    let harness = try Harness()
    _ = harness.temporary.makeDirectory("album")
    harness.expectOnce(harness.temporary.write("1", to: "album/one"))
    let watches = harness.watcher.status.watches
    harness.move(harness.temporary.path("album"), outside.path("album"))
    outside.write("late", to: "album/late")
    // Another directory takes its name: events of the two are not mixed.
    _ = harness.temporary.makeDirectory("album")
    harness.expectOnce(harness.temporary.write("2", to: "album/two"))
    outside.write("later", to: "album/later")
    harness.drain()
    #expect(harness.eventually { $0.watches == watches })
    #expect(harness.snapshot().count(harness.temporary.path("album/late")) == 0)
    #expect(harness.snapshot().count(harness.temporary.path("album/later")) == 0)
  }

  @Test("Pitfall 14: a rename is followed while files are pending") func aRenameIsFollowedWhileFilesArePending() throws
  {
    let harness = try Harness(settle: .milliseconds(300))
    _ = harness.temporary.makeDirectory("before")
    _ = harness.temporary.makeDirectory("before/inner")
    harness.expectOnce(harness.temporary.write("0", to: "before/inner/zero"))
    harness.temporary.write("1", to: "before/inner/one")
    harness.move(harness.temporary.path("before"), harness.temporary.path("after"))
    harness.expectOnce(harness.temporary.path("after/inner/one"))
    #expect(harness.snapshot().renames == [[harness.temporary.path("before"), harness.temporary.path("after")]])
    #expect(harness.snapshot().count(harness.temporary.path("after/inner/zero")) == 0)
    harness.expectOnce(harness.temporary.write("2", to: "after/inner/two"))
  }

  @Test func bothDirectoriesOfAnExchangeAreFollowed() throws {
    let harness = try Harness()
    let one = harness.temporary.makeDirectory("one")
    let two = harness.temporary.makeDirectory("two")
    harness.expectOnce(harness.temporary.write("1", to: "one/a"))
    harness.expectOnce(harness.temporary.write("2", to: "two/b"))
    let result = one.withPlatformString { one in
      two.withPlatformString { clinux_exchange(AT_FDCWD, one, AT_FDCWD, $0) }
    }
    try #require(result == 0)
    harness.expectOnce(harness.temporary.write("3", to: "one/c"))
    harness.expectOnce(harness.temporary.write("4", to: "two/d"))
    #expect(harness.eventually { $0.watches == 3 })
  }

  /// Directories are renamed as fast as possible while files come: every file is reported under its last path.
  @Test func nothingIsLostUnderRenames() throws {
    let harness = try Harness(settle: .milliseconds(100))
    _ = harness.temporary.makeDirectory("d0")
    for round in 0..<40 {
      _ = harness.temporary.makeDirectory("d\(round)/s\(round)")
      harness.temporary.write("x", to: "d\(round)/s\(round)/file")
      harness.temporary.write("x", to: "d\(round)/file\(round)")
      harness.move(harness.temporary.path("d\(round)"), harness.temporary.path("d\(round + 1)"))
    }
    for round in 0..<40 {
      #expect(
        harness.waitForSettled(harness.temporary.path("d40/s\(round)/file"), harness.temporary.path("d40/file\(round)"))
      )
    }
  }

  @Test func aDeletedTreeLeavesNothing() throws {
    let harness = try Harness()
    let watches = harness.watcher.status.watches
    for name in ["a", "a/b", "a/b/c"] { _ = harness.temporary.makeDirectory(name) }
    harness.expectOnce(harness.temporary.write("x", to: "a/b/c/file"))
    #expect(harness.watcher.status.watches == watches + 3)
    try Directory(opening: harness.temporary.path("a/b/c")).unlink("file")
    for name in ["a/b/c", "a/b", "a"] { #expect(rmdir(harness.temporary.path(name).string) == 0) }
    #expect(harness.eventually { $0.watches == watches && $0.pendingFiles == 0 })
  }

  @Test func excludedDirectoriesAreNeverEntered() throws {
    let harness = try Harness(excluding: ["quarantine"]) { temporary in
      _ = temporary.makeDirectory("quarantine")
      temporary.write("old", to: "quarantine/old")
    }
    harness.temporary.write("new", to: "quarantine/new")
    _ = harness.temporary.makeDirectory("quarantine/inner")
    harness.drain()
    #expect(harness.snapshot().settled.allSatisfy { $0.path.lastComponent?.string.hasPrefix("sentinel") == true })
    #expect(harness.watcher.status.watches == 1)
  }

  /// Its path has changed, but not what it is.
  @Test func excludedDirectoriesAreKnownUnderOtherNames() throws {
    let outside = TemporaryDirectory()
    let harness = try Harness(excluding: ["quarantine"]) { temporary in
      _ = temporary.makeDirectory("quarantine")
      temporary.write("old", to: "quarantine/old")
      _ = temporary.makeDirectory("inner")
    }
    var current = harness.temporary.path("quarantine")
    for place in [harness.temporary.path("inner/renamed"), outside.path("out"), harness.temporary.path("back")] {
      harness.move(current, place)
      current = place
      close(open(place.appending("new").string, O_WRONLY | O_CREAT, 0o600))
      harness.drain()
    }
    harness.watcher.rescan()
    harness.drain()
    #expect(harness.snapshot().settled.allSatisfy { $0.path.lastComponent?.string.hasPrefix("sentinel") == true })
    #expect(harness.watcher.status.watches == 2)
  }

  @Test func aRootThatIsNotRecursiveWatchesOneDirectory() throws {
    let harness = try Harness(roots: [WatchRoot(path: "", recursive: false)]) { temporary in
      _ = temporary.makeDirectory("inner")
      temporary.write("x", to: "inner/file")
    }
    _ = harness.temporary.makeDirectory("later")
    harness.temporary.write("x", to: "later/file")
    harness.drain()
    #expect(harness.snapshot().settled.allSatisfy { $0.path.lastComponent?.string.hasPrefix("sentinel") == true })
  }
}
