import Filesystem
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Watching

/// Roots, scans and limits, on a real file system.
@Suite struct RootsOnDiskTests {
  @Test("Pitfall 29: the backlog comes behind what is live") func theBacklogComesBehindWhatIsLive() throws {
    let harness = try Harness { temporary in
      _ = temporary.makeDirectory("old")
      for number in 0..<300 { temporary.write("x", to: "old/\(number)") }
    }
    #expect(harness.wait { $0.settled.count == 300 })
    #expect(harness.snapshot().settled.allSatisfy { $0.priority == .backlog })
    #expect(harness.snapshot().scans.first == ScanSummary(reason: .start, directories: 2, files: 300))
    let file = harness.temporary.write("x", to: "live")
    harness.expectOnce(file)
    #expect(harness.snapshot().settled.first { $0.path == file }?.priority == .live)
    #expect(harness.snapshot().settled.count { $0.priority == .backlog } == 300)
  }

  @Test func aFileThatIsBeingWrittenAtTheStartWaits() throws {
    nonisolated(unsafe) var writer: CInt = -1
    let harness = try Harness { temporary in
      writer = temporary.path("open").withPlatformString { open($0, O_WRONLY | O_CREAT, 0o600) }
    }
    let path = harness.temporary.path("open")
    #expect(harness.wait { $0.pending == [path] })
    #expect(write(writer, "end", 3) == 3)
    close(writer)
    harness.expectOnce(path)
  }

  @Test func rootsAreKnownBeforeTheyAreWatched() throws {
    let temporary = TemporaryDirectory()
    let watcher = try Watcher(roots: [WatchRoot(path: temporary.path)], excluding: []) { _ in }
    #expect(watcher.status.roots.map(\.path) == [temporary.path])
    #expect(watcher.status.roots.map(\.state) == [.starting])
  }

  @Test func nothingHappensWhileNothingHappens() throws {
    let harness = try Harness()
    harness.expectOnce(harness.temporary.write("x", to: "file"))
    #expect(harness.isIdle(for: .milliseconds(500)))
  }

  @Test("Pitfall 19: a missing root is picked up when it appears") func aMissingRootIsPickedUpWhenItAppears() throws {
    let harness = try Harness(roots: [WatchRoot(path: "a/b/uploads"), WatchRoot(path: "here")]) { temporary in
      _ = temporary.makeDirectory("here")
    }
    #expect(harness.snapshot().degraded == ["root-missing"])
    #expect(harness.watcher.status.roots.map(\.state) == [.missing, .watching])
    #expect(harness.isIdle(for: .milliseconds(300)))
    for directory in ["a", "a/b", "a/b/uploads"] { _ = harness.temporary.makeDirectory(directory) }
    let file = harness.temporary.write("x", to: "a/b/uploads/file")
    #expect(harness.waitForSettled(file))
    #expect(harness.snapshot().recovered == ["root-missing"])
  }

  @Test(arguments: ["uploads", "above"])
  func aRootThatIsReplacedIsWatchedAgain(moved: String) throws {
    let harness = try Harness(roots: [WatchRoot(path: "above/uploads")]) { temporary in
      _ = temporary.makeDirectory("above")
      _ = temporary.makeDirectory("above/uploads")
    }
    let parent = moved == "uploads" ? "above/" : ""
    harness.move(harness.temporary.path(parent + moved), harness.temporary.path(parent + "elsewhere"))
    #expect(harness.wait { $0.degraded == ["root-missing"] })
    let old = parent + (moved == "uploads" ? "elsewhere" : "elsewhere/uploads")
    harness.temporary.write("x", to: "\(old)/late")
    if moved == "above" { _ = harness.temporary.makeDirectory("above") }
    _ = harness.temporary.makeDirectory("above/uploads")
    let file = harness.temporary.write("x", to: "above/uploads/file")
    #expect(harness.waitForSettled(file))
    #expect(!harness.snapshot().settled.contains { $0.path.lastComponent?.string == "late" })
    #expect(harness.snapshot().recovered == ["root-missing"])
  }

  @Test func aSymbolicLinkIsNoRoot() throws {
    let harness = try Harness(roots: [WatchRoot(path: "link"), WatchRoot(path: "real")]) { temporary in
      _ = temporary.makeSymlink("link", to: temporary.makeDirectory("real"))
    }
    let degradation = try #require(harness.watcher.status.degradations.first)
    #expect(degradation.kind == "root-missing")
    #expect(degradation.detail.contains("name the real path"))
  }

  @Test("Pitfall 23: a file under two roots comes once") func aFileUnderTwoRootsComesOnce() throws {
    let harness = try Harness(roots: [WatchRoot(path: ""), WatchRoot(path: "inner")]) { temporary in
      _ = temporary.makeDirectory("inner")
      temporary.write("x", to: "inner/old")
    }
    harness.expectOnce(harness.temporary.path("inner/old"))
    harness.expectOnce(harness.temporary.write("x", to: "inner/new"))
    // Without the inner root its directory stays watched through the outer one.
    harness.watcher.replace(roots: [WatchRoot(path: harness.path, settle: .milliseconds(25))])
    harness.expectOnce(harness.temporary.write("x", to: "inner/later"))
    #expect(harness.watcher.status.roots.count == 1)
    #expect(harness.watcher.status.watches == 2)
  }

  @Test("a root that goes and comes again before the watcher looks is scanned again") func goneAndBackAtOnce() throws {
    let harness = try Harness()
    let file = harness.temporary.write("x", to: "file")
    harness.expectOnce(file)
    let count = harness.snapshot().count(file)
    harness.hold()
    harness.temporary.write("x", to: "other")
    #expect(harness.wait { $0.isBlocked })
    harness.watcher.replace(roots: [])
    harness.watcher.replace(roots: [WatchRoot(path: harness.path, settle: .milliseconds(25))])
    harness.release()
    #expect(harness.waitForSettled(file, count: count + 1))
  }

  @Test func rootsAreReplacedWhileItRuns() throws {
    let harness = try Harness(roots: [WatchRoot(path: "one")]) { temporary in
      _ = temporary.makeDirectory("one")
      _ = temporary.makeDirectory("two")
      temporary.write("x", to: "two/old")
    }
    harness.watcher.replace(
      roots: [WatchRoot(path: harness.temporary.path("two"), include: ["*"], settle: .milliseconds(25))])
    #expect(harness.waitForSettled(harness.temporary.path("two/old")))
    harness.temporary.write("x", to: "one/ignored")
    #expect(harness.waitForSettled(harness.temporary.write("x", to: "two/new")))
    #expect(!harness.snapshot().settled.contains { $0.path.lastComponent?.string == "ignored" })
    #expect(harness.watcher.status.watches == 1)
  }

  @Test func aRescanReportsAgain() throws {
    let harness = try Harness()
    _ = harness.temporary.makeDirectory("a")
    let one = harness.temporary.write("1", to: "a/one")
    let two = harness.temporary.write("2", to: "two")
    harness.expectOnce(one)
    harness.expectOnce(two)
    harness.watcher.rescan(harness.temporary.path("a"))
    #expect(harness.waitForSettled(one, count: 2))
    harness.watcher.rescan(two)
    #expect(harness.waitForSettled(two, count: 2))
    harness.watcher.rescan("/somewhere/else")
    harness.watcher.rescan()
    #expect(harness.waitForSettled(one, two, count: 3))
    harness.drain()
    #expect(harness.snapshot().count(one) == 3)
  }

  @Test("Pitfall 16: after an overflow every file is reported") func afterAnOverflowEveryFileIsReported() throws {
    let harness = try Harness()
    _ = harness.temporary.makeDirectory("many")
    harness.expectOnce(harness.temporary.write("x", to: "many/first"))
    harness.hold()
    harness.temporary.write("x", to: "trigger")
    #expect(harness.wait { $0.isBlocked })
    let limit = try Descriptor.open("/proc/sys/fs/inotify/max_queued_events", .read).readAll(limit: 20)
    let queue = try #require(Int(String(decoding: limit, as: UTF8.self).filter(\.isNumber)))
    // Two names in turn: the kernel merges equal events that follow each other.
    let pair = [harness.temporary.write("x", to: "many/a"), harness.temporary.write("x", to: "many/b")].map(\.string)
    for number in 0..<queue + 10 { close(open(pair[number % 2], O_WRONLY)) }
    let lost = (0..<50).map { harness.temporary.write("x", to: "many/\($0)") }
    _ = harness.temporary.makeDirectory("lost")
    let below = harness.temporary.write("x", to: "lost/file")
    harness.release()
    #expect(harness.wait { $0.scans.contains { $0.reason == .overflow } })
    // In the status for as long as something may be missing.
    #expect(harness.snapshot().degraded == ["overflow"])
    #expect(harness.snapshot().recovered == ["overflow"])
    for file in lost + [below] { harness.expectSettled(file, priority: .live) }
    harness.expectOnce(harness.temporary.write("x", to: "lost/later"))
    #expect(harness.snapshot().overflows == 1)
    #expect(harness.watcher.status.overflows == 1)
  }

  @Test("Pitfall 18: beyond the limit on watches directories are scanned")
  func beyondTheLimitOnWatchesDirectoriesAreScanned() throws {
    let harness = try Harness(watchLimit: 2) { temporary in
      for name in ["a", "b", "c"] { _ = temporary.makeDirectory(name) }
      temporary.write("x", to: "c/old")
    }
    #expect(harness.waitForSettled(harness.temporary.path("c/old")))
    #expect(harness.snapshot().degraded == ["watch-limit"])
    #expect(harness.eventually { $0.polledDirectories == 2 })
    let files = ["a", "b", "c"].map { harness.temporary.write("x", to: "\($0)/new") }
    for file in files { harness.expectOnce(file) }
    // A directory in one without a watch is found too.
    _ = harness.temporary.makeDirectory("c/inner")
    _ = harness.temporary.makeDirectory("b/inner")
    harness.expectOnce(harness.temporary.write("x", to: "c/inner/file"))
    harness.expectOnce(harness.temporary.write("x", to: "b/inner/file"))
    harness.watcher.limitWatches(to: 1000)
    #expect(harness.wait { $0.recovered == ["watch-limit"] })
    harness.expectOnce(harness.temporary.write("x", to: "b/inner/later"))
    #expect(harness.watcher.status.polledDirectories == 0)
  }

  @Test(
    "Pitfall 20: what is mounted over a directory is found",
    .enabled(if: geteuid() == 0 && canMount(), "needs the right to mount"))
  func whatIsMountedOverADirectoryIsFound() throws {
    let harness = try Harness { temporary in
      _ = temporary.makeDirectory("point")
      temporary.write("x", to: "point/hidden")
      temporary.write("x", to: "beside")
    }
    let point = harness.temporary.path("point")
    harness.expectOnce(harness.temporary.path("point/hidden"))
    #expect(mountMemory(point))
    var isMounted = true
    defer { if isMounted { unmount(point) } }
    #expect(harness.wait { $0.scans.contains { $0.reason == .mounts } })
    harness.expectOnce(harness.temporary.write("x", to: "point/inside"))
    unmount(point)
    isMounted = false
    #expect(harness.wait { $0.scans.count { $0.reason == .mounts } == 2 })
    let later = harness.temporary.write("x", to: "point/later")
    harness.expectOnce(later)
    #expect(harness.watcher.status.watches == 2)
    // Only what was mounted over is looked at.
    let scans = harness.snapshot().scans.filter { $0.reason == .mounts }
    #expect(scans.allSatisfy { $0.directories == 1 }, "\(scans)")
    #expect(harness.snapshot().count(harness.temporary.path("beside")) == 1)
    #expect(harness.waitForSettled(harness.temporary.path("point/hidden"), count: 2))
  }

  @Test(.enabled(if: geteuid() == 0 && canMount(), "needs the right to mount"))
  func anExcludedDirectoryIsKnownWhereverItIsMounted() throws {
    let harness = try Harness(excluding: ["quarantine"]) { temporary in
      _ = temporary.makeDirectory("quarantine")
      temporary.write("x", to: "quarantine/old")
      _ = temporary.makeDirectory("point")
      temporary.write("x", to: "point/hidden")
    }
    let point = harness.temporary.path("point")
    harness.expectOnce(harness.temporary.path("point/hidden"))
    #expect(system("mount --bind '\(harness.temporary.path("quarantine"))' '\(point)'") == 0)
    var isMounted = true
    defer { if isMounted { unmount(point) } }
    #expect(harness.eventually { $0.watches == 1 })
    harness.temporary.write("x", to: "point/new")
    harness.drain()
    #expect(harness.snapshot().count(harness.temporary.path("point/old")) == 0)
    #expect(harness.snapshot().count(harness.temporary.path("point/new")) == 0)
    unmount(point)
    isMounted = false
    #expect(harness.waitForSettled(harness.temporary.path("point/hidden"), count: 2))
    harness.expectOnce(harness.temporary.write("x", to: "point/later"))
  }

  @Test(
    "Pitfall 21: an unmounted root is a degradation until it is mounted again",
    .enabled(if: geteuid() == 0 && canMount(), "needs the right to mount"))
  func anUnmountedRootIsADegradation() throws {
    nonisolated(unsafe) var isMounted = false
    let harness = try Harness(roots: [WatchRoot(path: "point/uploads")]) { temporary in
      isMounted = mountMemory(temporary.makeDirectory("point"))
      _ = temporary.makeDirectory("point/uploads")
    }
    let point = harness.temporary.path("point")
    defer { if isMounted { unmount(point) } }
    #expect(harness.waitForSettled(harness.temporary.write("x", to: "point/uploads/one")))
    unmount(point)
    isMounted = false
    #expect(harness.wait { Set($0.degraded) == ["root-missing", "unmounted"] })
    isMounted = mountMemory(point)
    _ = harness.temporary.makeDirectory("point/uploads")
    #expect(harness.waitForSettled(harness.temporary.write("x", to: "point/uploads/two")))
    #expect(harness.wait { Set($0.recovered) == ["root-missing", "unmounted"] })
  }
}

private func mountMemory(_ point: FilePath) -> Bool {
  system("mount -t tmpfs none '\(point)' 2>/dev/null") == 0
}

private func unmount(_ point: FilePath) {
  // Detached even if a test still holds it.
  _ = system("umount -l '\(point)'")
}

private func canMount() -> Bool {
  let temporary = TemporaryDirectory()
  let point = temporary.makeDirectory("point")
  guard mountMemory(point) else { return false }
  unmount(point)
  return true
}
