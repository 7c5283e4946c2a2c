import Filesystem
import Glibc
import StayposCore
import SystemPackage
import Testing

@Suite struct MountTableTests {
  let table = MountTable(
    parsing: Array(
      """
      21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
      30 21 0:25 / /srv/up\\040loads rw,nosuid shared:5 master:2 - nfs4 host:/x rw
      31 21 0:26 /sub /srv/uploads rw - tmpfs none rw
      32 31 0:27 / /srv/uploads rw - fuse.sshfs none rw
      nonsense
      33 21 x:y / /broken
      """.utf8))

  @Test func readsEveryLineThatMakesSense() {
    #expect(table.mounts.map(\.id) == [21, 30, 31, 32])
    #expect(table.mounts[1].mountPoint == "/srv/up loads")
    #expect(table.mounts.map(\.type) == ["ext4", "nfs4", "tmpfs", "fuse.sshfs"])
    #expect(table.mounts[2].root == "/sub")
  }

  @Test func findsTheMountThatIsSeen() {
    #expect(table.mount(containing: "/srv/uploads/a")?.id == 32)
    #expect(table.mount(containing: "/srv/uploadsx")?.id == 21)
    #expect(table.mount(containing: "/srv/up loads")?.id == 30)
    #expect(table.mounts(below: "/srv").map(\.id) == [30, 31, 32])
    #expect(table.mounts(below: "/srv/uploads").isEmpty)
  }

  @Test func agreesWithTheKernel() throws {
    let mounts = try MountInfo().read()
    let root = try Descriptor.open("/", .handle).status()
    let mount = try #require(mounts.mount(containing: "/"))
    if let id = root.mountID { #expect(mount.id == id) }
  }

  @Test func fileSystemTypes() throws {
    #expect(try Descriptor.open("/proc", .directory).filesystemType().magic == 0x9FA0)
    #expect(FilesystemType(magic: 0x6969).isNetwork)
    #expect(FilesystemType(magic: 0x6969).name == "nfs")
    #expect(!FilesystemType(magic: 0xEF53).isNetwork)
    #expect(FilesystemType(magic: 1).name == nil)
  }
}
