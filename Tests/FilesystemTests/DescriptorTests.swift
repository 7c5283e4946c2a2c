import Filesystem
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing

@Suite struct DescriptorTests {
  let temporary = TemporaryDirectory()

  private func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
  }

  @Test(arguments: [0, 1, 65_536, 700_001])
  func copiesTheSameBytes(count: Int) throws {
    let directory = try Directory(opening: temporary.path)
    let bytes = pattern(count)
    try directory.writeAtomically(bytes, to: "source", mode: 0o600)
    let source = try RegularFile(opening: "source", in: directory)
    let inKernel = try directory.open("kernel", .create(mode: 0o600))
    let inMemory = try directory.open("memory", .create(mode: 0o600))
    #expect(try source.descriptor.copyContent(to: inKernel, limit: .max) == Int64(count))
    #expect(try source.descriptor.copyThroughMemory(to: inMemory, from: 0, limit: .max) == Int64(count))
    #expect(try inKernel.readAll(limit: count) == bytes)
    #expect(try inMemory.readAll(limit: count) == bytes)
    let part = try directory.open("part", .create(mode: 0o600))
    #expect(try source.descriptor.copyContent(to: part, limit: 1000) == Int64(min(count, 1000)))
    #expect(try part.readAll(limit: 1000) == Array(bytes.prefix(1000)))
  }

  @Test(.enabled(if: access("/dev/shm", W_OK) == 0, "needs /dev/shm as a second file system"))
  func copiesToAnotherFileSystem() throws {
    let other = TemporaryDirectory(in: "/dev/shm")
    temporary.write("across", to: "file")
    let source = try RegularFile(opening: temporary.path("file"))
    let directory = try Directory(opening: other.path)
    let target = try directory.open("file", .create(mode: 0o600))
    #expect(try source.descriptor.copyContent(to: target, limit: 6) == 6)
    #expect(try target.readAll(limit: 6) == Array("across".utf8))
    let here = try Directory(opening: temporary.path)
    let error = #expect(throws: FilesystemError.self) {
      try here.rename("file", to: directory, as: "renamed", noReplace: true)
    }
    #expect(error?.code == .crossDevice)
  }

  @Test func procfsFilesWithoutASizeAreCopiedToo() throws {
    let source = try Descriptor.open("/proc/version", .read)
    let target = try Descriptor.open(temporary.path("copy"), .create(mode: 0o600))
    #expect(try source.copyContent(to: target, limit: 1000) > 10)
  }

  @Test func anEndlessFileIsCopiedToTheLimit() throws {
    let source = try Descriptor.open("/dev/zero", .read)
    let target = try Descriptor.open(temporary.path("copy"), .create(mode: 0o600))
    #expect(try source.copyContent(to: target, limit: 300_000) == 300_000)
    #expect(try target.status().identity.size == 300_000)
  }

  @Test(.enabled(if: access("/dev/full", W_OK) == 0, "needs /dev/full"))
  func aFullDiskIsAnErrorOfItsOwn() throws {
    temporary.write("content", to: "file")
    let source = try RegularFile(opening: temporary.path("file"))
    let full = try Descriptor.open("/dev/full", .readWrite)
    let error = #expect(throws: FilesystemError.self) {
      _ = try source.descriptor.copyContent(to: full, limit: .max)
    }
    #expect(error?.code == .noSpace)
    #expect(throws: FilesystemError.self) { try full.writeAll([1]) }
  }

  @Test func aLongFileIsNotReadWhole() throws {
    temporary.write("12345", to: "file")
    let file = try RegularFile(opening: temporary.path("file"))
    let error = #expect(throws: FilesystemError.self) { _ = try file.descriptor.readAll(limit: 4) }
    #expect(error?.code == .tooLarge)
    #expect(try file.descriptor.readAll(limit: 5).count == 5)
  }

  @Test func extendedAttributesAreByteExact() throws {
    let file = try Descriptor.open(temporary.path("file"), .create(mode: 0o600))
    let attributes: Set<ExtendedAttribute> = [
      ExtendedAttribute(name: Array("user.empty".utf8), value: []),
      ExtendedAttribute(name: Array("user.".utf8) + [0xff, 0xfe], value: [0, 1, 255, 0]),
      ExtendedAttribute(name: Array("user.long".utf8), value: pattern(1500)),
    ]
    for attribute in attributes { try file.setExtendedAttribute(attribute) }
    let read = try file.extendedAttributes(limit: .max)
    #expect(Set(read.attributes) == attributes && read.areAll)
    #expect(try file.extendedAttribute(Array("user.empty".utf8)) == [])
    #expect(try file.extendedAttribute(Array("user.none".utf8)) == nil)
    let short = try file.extendedAttributes(limit: 100)
    #expect(Set(short.attributes) == attributes.filter { $0.value.count < 100 } && !short.areAll)
  }

  @Test(arguments: [0, 1_700_000_000_123_456_789, -1, -1_500_000_000])
  func timesAndModesAreExact(nanoseconds: Int64) throws {
    let file = try Descriptor.open(temporary.path("file"), .create(mode: 0o600))
    try file.setModified(Timestamp(nanoseconds: nanoseconds))
    try file.setMode(0o2751)
    try file.setOwner(uid: getuid(), gid: getgid())
    try file.setMode(0o1640)
    let status = try file.status()
    #expect(status.identity.modified == Timestamp(nanoseconds: nanoseconds))
    #expect(status.mode == 0o1640)
    #expect(status.uid == getuid())
  }

  @Test func anIdentityNoticesContentThatKeepsItsTimeOfModification() throws {
    let file = try Descriptor.open(temporary.path("file"), .create(mode: 0o600))
    try file.writeAll([1])
    let before = try file.status().identity
    // ctime has the granularity of the kernel's tick.
    while try file.status().identity.changed == before.changed {
      try file.writeAll([2])
      try file.setModified(before.modified)
    }
    let after = try file.status().identity
    #expect(before.isSameFile(as: after))
    #expect(before.modified == after.modified)
    #expect(before != after)
  }

  @Test func aWriterIsSeenUntilItClosesAndUnmaps() throws {
    let path = temporary.write("content", to: "file")
    let file = try RegularFile(opening: path)
    #expect(WriterLease.writer(of: file.descriptor) == .noWriter)
    let writer = path.withPlatformString { open($0, O_RDWR) }
    #expect(WriterLease.writer(of: file.descriptor) == .writerOpen)
    let map = mmap(nil, 7, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0)
    close(writer)
    #expect(WriterLease.writer(of: file.descriptor) == .writerOpen)
    munmap(map, 7)
    #expect(WriterLease.writer(of: file.descriptor) == .noWriter)
    // Nothing is left behind that would make a writer wait.
    let nonblocking = path.withPlatformString { open($0, O_WRONLY | O_NONBLOCK) }
    #expect(nonblocking >= 0)
    close(nonblocking)
  }

  @Test func aLeaseOnSomethingElseIsUnknown() throws {
    let directory = try Directory(opening: "/proc")
    #expect(WriterLease.writer(of: directory.descriptor) == .unknown)
  }

  @Test func anEventDescriptorWakesOnce() throws {
    let event = try EventDescriptor()
    var request = pollfd(fd: event.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    #expect(poll(&request, 1, 0) == 0)
    event.signal()
    event.signal()
    #expect(poll(&request, 1, 0) == 1)
    event.clear()
    #expect(poll(&request, 1, 0) == 0)
    event.clear()
  }
}
