import Filesystem
import Foundation
import Glibc
import Hashing
import Quarantining
import StayposCore
import SystemPackage
import Testing

@Suite struct TakeTests {
  @Test("Pitfall 52: a file comes back exactly as it was", arguments: hasTwoFilesystems ? [false, true] : [false])
  func fileGoesInAndComesBackExactly(crossDevice: Bool) throws {
    let bench = try Bench(crossDevice: crossDevice)
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let names: [[UInt8]] = [
      Array("plain.png".utf8), [0xFF, 0xFE, 0x0A, 0x1B], Array(repeating: UInt8(ascii: "x"), count: 255),
    ]
    for name in names {
      let path = try #require(FilePath(bytes: bench.uploads.bytes + [UInt8(ascii: "/")] + name))
      try put(path)
      do {
        let file = try RegularFile(opening: path)
        if isRoot { try file.descriptor.setOwner(uid: 12345, gid: 54321) }
        try file.descriptor.setMode(isRoot ? 0o4751 : 0o640)
        try file.descriptor.setExtendedAttribute(ExtendedAttribute(name: Array("user.note".utf8), value: [0, 255, 10]))
        try file.descriptor.setModified(Timestamp(nanoseconds: 1_234_567_890_123_456_789))
      }
      // acl(5), where setfacl and the file system have it.
      let hasACL = try run("setfacl", ["-m", "u:777:r", path.string]) == 0
      let before = try status(path)
      let attributes = try self.attributes(path)
      #expect(attributes.count == (hasACL ? 2 : 1))

      let record = try quarantine.take(path)
      #expect(content(path) == nil)
      #expect(record.copied == crossDevice)
      #expect(record.path.bytes == path.bytes)
      #expect(record.writerOpen == false)
      #expect(try quarantine.record(record.id) == record)
      #expect(content(bench.quarantinePath.appending(record.id.description)) == bytes)
      let kept = try status(bench.quarantinePath.appending(record.id.description))
      #expect(kept.mode == 0o400)
      #expect(kept.uid == geteuid())
      #expect(kept.identity.isSameFile(as: before.identity) == !crossDevice)
      #expect(quarantine.totals == Quarantine.Totals(count: 1, bytes: Int64(bytes.count)))

      let restored = try quarantine.restore(record.id)
      let after = try status(path)
      #expect(restored.path == path)
      #expect(restored.identity == after.identity)
      #expect(content(path) == bytes)
      #expect(after.mode == before.mode)
      #expect(after.uid == before.uid)
      #expect(after.gid == before.gid)
      #expect(after.identity.modified == before.identity.modified)
      #expect(try self.attributes(path) == attributes)
      #expect(try bench.names().isEmpty)
      #expect(quarantine.totals == Quarantine.Totals(count: 0, bytes: 0))
    }
    #expect(try bench.uploadNames().count == names.count)
  }

  private func attributes(_ path: FilePath) throws -> Set<ExtendedAttribute> {
    Set(try RegularFile(opening: path).descriptor.extendedAttributes(limit: .max).attributes)
  }

  @Test("Pitfall 46: two hundred files of one name", arguments: hasTwoFilesystems ? [false, true] : [false])
  func twoHundredOfOneName(crossDevice: Bool) throws {
    let bench = try Bench(crossDevice: crossDevice)
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let path = bench.uploads.appending("a.png")
    var contents: [QuarantineID: [UInt8]] = [:]
    for number in 0..<200 {
      let text = Array("image \(number)".utf8)
      contents[try quarantine.take(try put(path, text)).id] = text
    }
    #expect(contents.count == 200)
    for (id, text) in contents { #expect(content(bench.quarantinePath.appending(id.description)) == text) }
    let (records, problems) = try quarantine.records()
    #expect(records.count == 200)
    #expect(problems.isEmpty)
    #expect(quarantine.totals.count == 200)
  }

  @Test(
    "Pitfalls 31 and 32: only the file that was scored is moved, as it was",
    arguments: hasTwoFilesystems ? [false, true] : [false])
  func onlyTheScoredFileIsMoved(crossDevice: Bool) throws {
    let bench = try Bench(crossDevice: crossDevice)
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let path = bench.uploads.appending("a.png")
    try put(path)
    #expect(
      code {
        try quarantine.take(path) {
          try FileManager.default.removeItem(atPath: path.string)
          try put(path, [7])
        }
      } == .replaced)
    #expect(content(path) == [7])
    #expect(code { try quarantine.take(path) { try FileManager.default.removeItem(atPath: path.string) } } == .vanished)
    try put(path)
    #expect(
      code {
        try quarantine.take(path) {
          let file = try FileDescriptor.open(path, .writeOnly, options: .append)
          _ = try file.closeAfter { try file.writeAll([1]) }
        }
      } == .changed)
    #expect(content(path) == bytes + [1])
    #expect(try bench.names().isEmpty)
    #expect(quarantine.totals.count == 0)
    // Other rights are no other content.
    let record = try quarantine.take(path) { chmod(path.string, 0o604) }
    #expect(record.metadata.mode == 0o604)
  }

  #if DEBUG
    @Test("Pitfall 32: what is written between the last look and the move is noticed, and the file is given back")
    func changedInTheLastMoment() throws {
      let bench = try Bench()
      defer { bench.remove() }
      let quarantine = try bench.quarantine()
      let path = try put(bench.uploads.appending("a.png"))
      let result = Failpoint.$handler.withValue({ name in
        guard name == "take.recordWritten" else { return }
        let file = try FileDescriptor.open(path, .writeOnly, options: .append)
        _ = try file.closeAfter { try file.writeAll([1]) }
      }) { code { try quarantine.take(path) {} } }
      #expect(result == .changed)
      #expect(content(path) == bytes + [1])
      #expect(try bench.names().isEmpty)
      #expect(quarantine.totals.count == 0)
    }
  #endif

  @Test("Pitfall 35: a parent that is swapped for a symbolic link is refused")
  func parentSwappedForSymbolicLinkIsRefused() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let (real, moved) = (bench.uploads.appending("d"), bench.uploads.appending("e"))
    mkdir(real.string, 0o755)
    let path = try put(real.appending("a.png"))
    let result = code {
      try quarantine.take(path) {
        rename(real.string, moved.string)
        symlink(moved.string, real.string)
      }
    }
    #expect(result == .symlink)
    #expect(content(moved.appending("a.png")) == bytes)
    #expect(try bench.names().isEmpty)
  }

  #if DEBUG
    /// Between the last check and the move, and between the copy and the removal.
    @Test(arguments: hasTwoFilesystems ? [false, true] : [false])
    func fileSwappedInTheLastMomentGoesBack(crossDevice: Bool) throws {
      let bench = try Bench(crossDevice: crossDevice)
      defer { bench.remove() }
      let quarantine = try bench.quarantine()
      let path = try put(bench.uploads.appending("a.png"))
      let other = try put(bench.uploads.appending("b.png"), [9, 9])
      let result = Failpoint.$handler.withValue({ name in
        if name == (crossDevice ? "take.published" : "take.recordWritten") { rename(other.string, path.string) }
      }) { code { try quarantine.take(path) } }
      #expect(result == .replaced)
      #expect(content(path) == [9, 9])
      #expect(try bench.names().isEmpty, "left in place is left in place, not copied")
      #expect(quarantine.totals == Quarantine.Totals(count: 0, bytes: 0))
      #expect(try quarantine.recover().changedNothing)
    }
  #endif

  @Test("Pitfalls 49, 50 and 56: the limit; other links and writers are recorded") func limitAndHardLinksAndWriters()
    throws
  {
    let bench = try Bench()
    defer { bench.remove() }
    let quarantine = try bench.quarantine(maxBytes: Int64(bytes.count) + 5)
    let path = try put(bench.uploads.appending("a.png"))
    link(path.string, bench.uploads.appending("b.png").string)
    let writer = try FileDescriptor.open(path, .writeOnly)
    let record = try quarantine.take(path)
    try writer.close()
    #expect(record.links == 2)
    #expect(record.writerOpen == true)
    #expect(try status(bench.uploads.appending("b.png")).mode == 0o640, "the other name keeps its rights")
    let second = try put(bench.uploads.appending("c.png"), [1, 2, 3, 4, 5, 6])
    #expect(code { try quarantine.take(second) } == .full)
    #expect(content(second) == [1, 2, 3, 4, 5, 6])
    #expect(try bench.names().count == 2)
    #expect(try quarantine.delete(record.id) == record)
    #expect(try bench.names().isEmpty)
    try quarantine.take(second)
    #expect(content(bench.uploads.appending("b.png")) == bytes)
  }

  @Test(
    "Pitfall 49: another link of a file that was copied keeps its owner and mode", .enabled(if: hasTwoFilesystems))
  func otherLinkOfACopiedFile() throws {
    let bench = try Bench(crossDevice: true)
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let path = try put(bench.uploads.appending("a.png"))
    let other = bench.uploads.appending("b.png")
    link(path.string, other.string)
    if isRoot { chown(path.string, 12345, 54321) }
    let before = try status(other)
    let id = try quarantine.take(path).id
    let after = try status(other)
    #expect(after.links == 1)
    #expect([after.mode, after.uid, after.gid] == [before.mode, before.uid, before.gid])
    let object = try status(bench.quarantinePath.appending("\(id)"))
    #expect([object.mode, object.uid] == [0o400, geteuid()])
  }

  #if DEBUG
    @Test(
      "Pitfall 32: of a file that grows while it is copied no more is copied than was scored",
      .enabled(if: hasTwoFilesystems))
    func growingWhileCopied() throws {
      let bench = try Bench(crossDevice: true)
      defer { bench.remove() }
      let quarantine = try bench.quarantine()
      let path = try put(bench.uploads.appending("a.png"))
      let result = Failpoint.$handler.withValue({ name in
        if name == "take.copyRecorded" { try append(path) }
        guard name == "take.copied" else { return }
        let part = try #require(try bench.names().first { $0.hasSuffix(".part") })
        #expect(content(bench.quarantinePath.appending(part)) == bytes)
      }) { code { try quarantine.take(path) } }
      #expect(result == .changed)
      #expect(content(path) == bytes + [1])
      #expect(try bench.names().isEmpty)
      #expect(quarantine.totals.count == 0)
    }
  #endif

  @Test func digestsEndWhereTheyWereToldTo() throws {
    let endless = try FileDescriptor.open("/dev/zero", .readOnly)
    defer { try? endless.close() }
    #expect(try SHA256Digest(contentsOf: endless.rawValue, ofSize: 1_000_000) == nil)
    let bench = try Bench()
    defer { bench.remove() }
    let file = try RegularFile(opening: put(bench.uploads.appending("a.png")))
    let size = Int64(bytes.count)
    for other in [size - 1, size + 1, 0, .max] {
      #expect(try SHA256Digest(contentsOf: file.descriptor.rawValue, ofSize: other) == nil)
    }
    #expect(try SHA256Digest(contentsOf: file.descriptor.rawValue, ofSize: size) == SHA256Digest(hashing: bytes))
  }

  /// In memory, where a file may have hundreds of megabytes of them.
  @Test(.enabled(if: memoryTakesAttributes && hasTwoFilesystems), arguments: [false, true], [60_000, 0])
  func moreAttributesThanAreRecorded(crossDevice: Bool, size: Int) throws {
    let bench = Bench(
      uploads: try Bench.temporary("/dev/shm"), base: try Bench.temporary(crossDevice ? "/tmp" : "/dev/shm"))
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let path = try put(bench.uploads.appending("a.png"))
    // Too large together, or too many for the kernel to list.
    let names =
      size > 0 ? (0..<40).map { "user.\($0)" } : (0..<300).map { "user.\($0)" + String(repeating: "n", count: 240) }
    let value = [UInt8](repeating: 7, count: size)
    for name in names { try setAttribute(name, value, of: path) }
    let record = try quarantine.take(path)
    #expect(record.metadata.attributesOmitted)
    let kept = record.metadata.attributes
    #expect(kept.map(\.value.count).reduce(0, +) <= 1 << 20)
    #expect(kept.count == (size > 0 ? 17 : 0))
    #expect(try quarantine.record(record.id) == record)
    _ = try quarantine.restore(record.id)
    #expect(content(path) == bytes)
    let file = try RegularFile(opening: path)
    let present = try names.filter { try file.descriptor.extendedAttribute(Array($0.utf8)) != nil }
    #expect(present.count == (crossDevice ? kept.count : names.count))
  }

  @Test(
    "Pitfall 48: without RENAME_NOREPLACE files go in and out too, and nothing is overwritten",
    arguments: hasTwoFilesystems ? [false, true] : [false])
  func withoutNoReplace(crossDevice: Bool) async throws {
    let bench = try Bench(crossDevice: crossDevice)
    defer { bench.remove() }
    let (uploads, base): (String, String) = (bench.uploads.string, bench.base.string)
    await #expect(processExitsWith: .success) {
      [uploads = uploads as String, base = base as String, crossDevice = crossDevice as Bool] in
      try #require(forgetNoReplace())
      let bench = Bench(uploads: FilePath(uploads), base: FilePath(base))
      let path = try put(bench.uploads.appending("a.png"))
      let directory = try Directory(opening: bench.uploads)
      #expect(throws: FilesystemError.self) { try directory.rename("a.png", to: directory, as: "b", noReplace: true) }
      let quarantine = try bench.quarantine()
      let record = try quarantine.take(path)
      #expect(record.copied == crossDevice)
      #expect(try bench.uploadNames() == [])
      try put(path, [3])
      #expect(code { _ = try quarantine.restore(record.id) } == .exists)
      #expect(content(path) == [3])
      #expect(try bench.names() == ["\(record.id)", "\(record.id).json"])
      unlink(path.string)
      _ = try quarantine.restore(record.id)
      #expect(content(path) == bytes)
      #expect(try status(path).links == 1)
      #expect(try bench.names() == [] && bench.uploadNames() == ["a.png"])
      #if DEBUG
        // And back, if it was not the right one.
        let other = try put(bench.uploads.appending("b.png"), [9])
        let result = Failpoint.$handler.withValue({ name in
          if name == (crossDevice ? "take.published" : "take.recordWritten") { rename(other.string, path.string) }
        }) { code { try quarantine.take(path) } }
        #expect(result == .replaced)
        #expect(content(path) == [9])
        #expect(try bench.names() == [] && bench.uploadNames() == ["a.png"])
      #endif
    }
  }

  /// A tmpfs of 64 KiB in a mount namespace of a child process is full half way through the copy.
  @Test(.enabled(if: isRoot && hasTwoFilesystems))
  func fullDiskLeavesTheSourceIntact() async throws {
    let bench = try Bench(crossDevice: true)
    defer { bench.remove() }
    let (uploads, base): (String, String) = (bench.uploads.string, bench.base.string)
    await #expect(processExitsWith: .success) { [uploads = uploads as String, base = base as String] in
      guard unshareMounts(), mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil) == 0,
        mount("tmpfs", base, "tmpfs", 0, "size=64k") == 0
      else {
        print("skipping: no mount namespace")
        return
      }
      let bench = Bench(uploads: FilePath(uploads), base: FilePath(base))
      let quarantine = try bench.quarantine()
      let big = [UInt8](repeating: 5, count: 200_000)
      let path = try put(bench.uploads.appending("a.png"), big)
      #expect(code { try quarantine.take(path) } == .noSpace)
      #expect(try status(path).identity.size == 200_000)
      #expect(try bench.names().isEmpty)
      #expect(quarantine.totals.count == 0)
    }
  }

  @Test func directoryIsCheckedAndLocked() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    #expect(code { _ = try bench.quarantine() } == .busy)
    var state = stat()
    stat(bench.quarantinePath.string, &state)
    #expect(state.st_mode & 0o777 == 0o700)
    let alias = bench.base.appending("alias")
    symlink(bench.quarantinePath.string, alias.string)
    #expect(code { _ = try Quarantine(directory: alias, maxBytes: 0) } == .symlink)
    if isRoot {
      let foreign = bench.base.appending("foreign")
      mkdir(foreign.string, 0o700)
      chown(foreign.string, 1, 1)
      #expect(code { _ = try Quarantine(directory: foreign, maxBytes: 0) } == .permission)
    }
    withExtendedLifetime(quarantine) {}
  }
}
