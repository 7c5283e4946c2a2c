import Filesystem
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing

@Suite struct DirectoryTests {
  let temporary = TemporaryDirectory()

  private func names(_ directory: borrowing Directory) throws -> Set<[UInt8]> {
    var stream = try DirectoryStream(directory)
    var names: Set<[UInt8]> = []
    while let entry = try stream.next() { names.insert(FilePath(root: nil, [entry.name]).bytes) }
    return names
  }

  /// Every byte but NUL and the slash is allowed in a name.
  @Test func namesAreByteExact() throws {
    let directory = try Directory(opening: temporary.path)
    var expected: Set<[UInt8]> = [
      Array(repeating: UInt8(ascii: "x"), count: 255), Array("line\nfeed".utf8), [0x1b, 0x5b, 0x33, 0x31, 0x6d],
      [0xff, 0xfe], Array("é".utf8), [0x65, 0xcc, 0x81], Array("..hidden".utf8),
    ]
    for byte in UInt8(1)...255 where byte != UInt8(ascii: "/") && byte != UInt8(ascii: ".") { expected.insert([byte]) }
    for name in expected {
      let path = try #require(FilePath(bytes: name))
      let component = try #require(path.lastComponent)
      #expect(FilePath(root: nil, [component]).bytes == name)
      _ = try directory.open(component, .create(mode: 0o600))
    }
    #expect(try names(directory) == expected)
    // A second pass starts at the beginning again.
    #expect(try names(directory) == expected)
  }

  @Test func entriesTellTheirKind() throws {
    temporary.write("", to: "file")
    _ = temporary.makeDirectory("directory")
    _ = temporary.makeSymlink("link", to: "file")
    #expect(temporary.path("fifo").withPlatformString { mkfifo($0, 0o600) } == 0)
    let directory = try Directory(opening: temporary.path)
    var stream = try DirectoryStream(directory)
    while let entry = try stream.next() {
      let status = try directory.status(of: entry.name)
      #expect(entry.kind == status.kind)
      #expect(entry.inode == status.identity.inode)
    }
  }

  @Test func renameNeverReplacesUnlessAsked() throws {
    temporary.write("one", to: "a")
    temporary.write("two", to: "b")
    let directory = try Directory(opening: temporary.path)
    let error = #expect(throws: FilesystemError.self) {
      try directory.rename("a", to: directory, as: "b", noReplace: true)
    }
    #expect(error?.code == .exists)
    try directory.rename("a", to: directory, as: "b", noReplace: false)
    #expect(try RegularFile(opening: temporary.path("b")).descriptor.readAll(limit: 10) == Array("one".utf8))
    #expect(try names(directory) == [Array("b".utf8)])
  }

  @Test("Pitfall 48: a rename between two links of one inode is noticed")
  func renameBetweenTwoLinksOfOneInodeIsNoticedWithNoReplace() throws {
    temporary.write("one", to: "a")
    let directory = try Directory(opening: temporary.path)
    try directory.link(directory.open("a", .handle), as: "b")
    #expect(try directory.status(of: "a").links == 2)
    #expect(throws: FilesystemError.self) { try directory.rename("a", to: directory, as: "b", noReplace: true) }
    try directory.rename("a", to: directory, as: "b", noReplace: false)
    #expect(try names(directory).count == 2)
  }

  @Test func aFileWithoutANameCannotBeLinked() throws {
    temporary.write("gone", to: "a")
    let directory = try Directory(opening: temporary.path)
    let file = try RegularFile(opening: "a", in: directory)
    try directory.unlink("a")
    let error = #expect(throws: FilesystemError.self) { try directory.link(file.descriptor, as: "b") }
    #expect(error?.code == .notFound)
    #expect(try file.descriptor.status().links == 0)
  }

  @Test func aSwappedParentChangesNothing() throws {
    _ = temporary.makeDirectory("uploads")
    temporary.write("upload", to: "uploads/file")
    _ = temporary.makeDirectory("victim")
    temporary.write("victim", to: "victim/file")
    let location = try FileLocation(temporary.path("uploads/file"))
    let top = try Directory(opening: temporary.path)
    try top.rename("uploads", to: top, as: "moved", noReplace: true)
    _ = temporary.makeSymlink("uploads", to: temporary.path("victim"))
    try location.directory.unlink(location.name)
    #expect(try RegularFile(opening: temporary.path("victim/file")).status.identity.size == 6)
    #expect(throws: FilesystemError.self) { _ = try FileLocation(temporary.path("uploads/file")) }
  }

  @Test(arguments: ["/", "", "a/..", "."])
  func aLocationNeedsAName(path: String) {
    #expect(throws: FilesystemError.self) { _ = try FileLocation(FilePath(path)) }
  }

  @Test func makesDirectories() throws {
    let directory = try Directory(opening: temporary.path)
    try directory.makeDirectory("inner", mode: 0o700)
    let inner = try Directory(opening: "inner", in: directory)
    #expect(inner.path == temporary.path("inner"))
    try inner.writeAtomically(Array("x".utf8), to: "file", mode: 0o600)
    #expect(try names(inner) == [Array("file".utf8)])
    #expect(throws: FilesystemError.self) { try directory.makeDirectory("inner", mode: 0o700) }
  }

  @Test func anAtomicWriteReplacesWholeFilesAndLeavesNothingBehind() throws {
    let directory = try Directory(opening: temporary.path)
    try directory.writeAtomically(Array("first".utf8), to: "file", mode: 0o640)
    try directory.writeAtomically(Array("second".utf8), to: "file", mode: 0o640)
    let error = #expect(throws: FilesystemError.self) {
      try directory.writeAtomically(Array("third".utf8), to: "file", mode: 0o640, noReplace: true)
    }
    #expect(error?.code == .exists)
    let file = try RegularFile(opening: "file", in: directory)
    #expect(file.status.mode == 0o640)
    #expect(try file.descriptor.readAll(limit: 10) == Array("second".utf8))
    #expect(try names(directory) == [Array("file".utf8)])
  }
}
