import CLinux
import Filesystem
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Watching

/// What the kernel does when files are written, on a real file system.
@Suite struct SettlingOnDiskTests {
  @Test(arguments: ["/tmp", "/dev/shm"] as [FilePath])
  func aWrittenFileSettlesOnce(parent: FilePath) throws {
    let harness = try Harness(parent: parent)
    let file = harness.temporary.write("content", to: "file")
    harness.expectOnce(file)
    let settled = try #require(harness.snapshot().settled.first { $0.path == file })
    #expect(settled.priority == .live)
    #expect(settled.root == harness.path)
    #expect(try settled.identity == RegularFile(opening: file).status.identity)
  }

  @Test func anEmptyFileSettlesToo() throws {
    let harness = try Harness()
    harness.expectOnce(harness.temporary.write("", to: "empty"))
  }

  @Test("Pitfall 1: a hard link into the tree settles once") func aHardLinkIntoTheTreeSettlesOnce() throws {
    let outside = TemporaryDirectory()
    let file = outside.write("content", to: "file")
    let harness = try Harness()
    let directory = try Directory(opening: harness.path)
    try directory.link(Descriptor.open(file, .handle), as: "link")
    harness.expectOnce(harness.temporary.path("link"))
  }

  @Test("Pitfall 2: O_TMPFILE and linkat settle under the final name")
  func aTemporaryFileWithoutANameSettlesUnderItsFinalName() throws {
    let harness = try Harness()
    let directory = try Directory(opening: harness.path)
    let unnamed = harness.path.withPlatformString { open($0, O_RDWR | 0o20200000, 0o600) }
    try #require(unnamed >= 0)
    #expect(write(unnamed, "content", 7) == 7)
    let file = Descriptor(owning: unnamed)
    try directory.link(file, as: "final")
    _ = consume file
    harness.expectOnce(harness.temporary.path("final"))
    #expect(!harness.snapshot().settled.contains { $0.path.lastComponent?.string.hasPrefix("#") == true })
  }

  @Test("Pitfall 3: a mapped file is not complete before it is unmapped")
  func aMappedFileIsNotCompleteBeforeItIsUnmapped() throws {
    let harness = try Harness()
    let path = harness.temporary.path("mapped")
    let file = path.withPlatformString { open($0, O_RDWR | O_CREAT, 0o600) }
    #expect(ftruncate(file, 4096) == 0)
    let map = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    close(file)
    #expect(harness.wait { $0.pending == [path] })
    #expect(harness.snapshot().count(path) == 0)
    map?.storeBytes(of: 0x2a, as: UInt8.self)
    munmap(map, 4096)
    harness.expectOnce(path)
  }

  @Test("Pitfall 4: a writer that comes back within the settle time is one writer")
  func aWriterThatComesBackWithinTheSettleTimeIsOneWriter() throws {
    let harness = try Harness(settle: .milliseconds(400))
    let path = harness.temporary.path("file")
    for round in 1...4 {
      harness.temporary.write(String(repeating: "x", count: round), to: "file")
      // Longer than the kernel needs, shorter than the settle time.
      _ = harness.wait(.milliseconds(80)) { _ in false }
    }
    harness.expectOnce(path)
    #expect(harness.snapshot().settled.first { $0.path == path }?.identity.size == 4)
  }

  @Test("Pitfall 5: a writer that never closes is reported, and its file is not")
  func aWriterThatNeverClosesIsReportedAndItsFileIsNot() throws {
    let harness = try Harness()
    let path = harness.temporary.path("slow")
    let writer = path.withPlatformString { open($0, O_WRONLY | O_CREAT, 0o600) }
    #expect(write(writer, "part", 4) == 4)
    #expect(harness.wait { $0.pending == [path] })
    harness.drain()
    #expect(harness.snapshot().count(path) == 0)
    #expect(harness.snapshot().pending == [path])
    #expect(harness.watcher.status.pendingWriters.map(\.path) == [path])
    #expect(write(writer, "rest", 4) == 4)
    close(writer)
    harness.expectOnce(path)
    #expect(harness.snapshot().settled.first { $0.path == path }?.identity.size == 8)
    #expect(harness.watcher.status.pendingWriters.isEmpty)
  }

  @Test("Pitfall 7: only the final name of a temporary file counts") func onlyTheFinalNameOfATemporaryFileCounts()
    throws
  {
    let harness = try Harness()
    let temporary = harness.temporary.write("content", to: ".photo.jpg.X7f3")
    let final = harness.temporary.path("photo.jpg")
    harness.move(temporary, final)
    harness.expectOnce(final)
    #expect(harness.snapshot().count(temporary) == 0)
  }

  @Test("Pitfall 8: a rename over a file brings the new inode") func aRenameOverAFileBringsTheNewInode() throws {
    let outside = TemporaryDirectory()
    let harness = try Harness()
    let target = harness.temporary.write("old", to: "file")
    harness.expectOnce(target)
    let replacement = outside.write("replacement", to: "new")
    let inode = try RegularFile(opening: replacement).status.identity.inode
    harness.move(replacement, target)
    #expect(harness.waitForSettled(target, count: 2))
    #expect(harness.snapshot().settled.last { $0.path == target }?.identity.inode == inode)
  }

  @Test("Pitfall 9: both files of an exchange are checked") func bothFilesOfAnExchangeAreChecked() throws {
    let harness = try Harness()
    let one = harness.temporary.write("1", to: "one")
    let two = harness.temporary.write("22", to: "two")
    #expect(harness.waitForSettled(one, two))
    harness.drain()
    let result = one.withPlatformString { one in
      two.withPlatformString { clinux_exchange(AT_FDCWD, one, AT_FDCWD, $0) }
    }
    try #require(result == 0)
    #expect(harness.waitForSettled(one, two, count: 2))
    #expect(harness.snapshot().settled.last { $0.path == one }?.identity.size == 2)
    #expect(harness.snapshot().settled.last { $0.path == two }?.identity.size == 1)
  }

  @Test("Pitfall 15: deleted and made again, only the last content counts")
  func deletedAndMadeAgainOnlyTheLastContentCounts() throws {
    let harness = try Harness()
    let path = harness.temporary.path("file")
    for round in 1...20 {
      harness.temporary.write(String(repeating: "x", count: round), to: "file")
      if round < 20 { #expect(path.withPlatformString { unlink($0) } == 0) }
    }
    harness.expectOnce(path)
    #expect(harness.snapshot().settled.first { $0.path == path }?.identity.size == 20)
  }

  @Test("Pitfalls 24 and 25: what is not a regular file neither blocks nor counts")
  func whatIsNotARegularFileNeitherBlocksNorCounts() throws {
    let outside = TemporaryDirectory()
    let victim = outside.write("victim", to: "victim")
    let harness = try Harness()
    let temporary = harness.temporary
    #expect(temporary.path("fifo").withPlatformString { mkfifo($0, 0o600) } == 0)
    _ = temporary.makeSymlink("dangling", to: "nowhere")
    _ = temporary.makeSymlink("loop", to: "loop")
    _ = temporary.makeSymlink("file-link", to: victim)
    _ = temporary.makeSymlink("directory-link", to: outside.path)
    let file = temporary.write("content", to: "file")
    harness.expectOnce(file)
    outside.write("more", to: "more")
    harness.watcher.rescan()
    #expect(harness.wait { $0.scans.contains { $0.reason == .request } })
    harness.drain()
    let names = Set(harness.snapshot().settled.compactMap { $0.path.lastComponent?.string })
    #expect(names.filter { !$0.hasPrefix("sentinel") } == ["file"])
  }

  @Test("Pitfall 26: names are byte-exact") func namesAreByteExact() throws {
    let harness = try Harness()
    let names: [[UInt8]] = [
      [0xff, 0xfe], Array("line\nfeed".utf8), [0x1b, 0x5b, 0x41], Array(repeating: UInt8(ascii: "n"), count: 255),
    ]
    for name in names {
      let path = harness.path.pushing(try #require(FilePath(bytes: name)))
      let file = try Descriptor.open(path, .create(mode: 0o600))
      try file.writeAll([1])
      _ = consume file
      #expect(harness.waitForSettled(path))
      let settled = try #require(harness.snapshot().settled.last { $0.path == path })
      #expect(settled.path.bytes.suffix(name.count) == name[...])
    }
  }

  @Test func onlyWantedNamesAreReported() throws {
    let harness = try Harness(roots: [WatchRoot(path: "", include: ["*.jpg", "sentinel*"])])
    harness.temporary.write("x", to: "a.txt")
    harness.temporary.write("x", to: "a.JPG")
    harness.drain()
    let names = harness.snapshot().settled.compactMap { $0.path.lastComponent?.string }
    #expect(names.filter { $0.hasPrefix("a") } == ["a.JPG"])
  }
}
