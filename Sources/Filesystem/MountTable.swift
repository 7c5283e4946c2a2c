import CLinux
import Glibc
import StayposCore
import SystemPackage

/// One line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
package struct Mount: Hashable, Sendable {
  package var id: UInt64
  package var parent: UInt64
  /// What of the file system is mounted.
  package var root: FilePath
  package var mountPoint: FilePath
  /// For example `ext4`, `fuse.sshfs`.
  package var type: String
}

/// The mounts that the process sees, in the order in which the kernel lists them.
package struct MountTable: Hashable, Sendable {
  package var mounts: [Mount]

  /// - Parameter text: content of mountinfo; lines that make no sense are left out.
  package init(parsing text: [UInt8]) {
    mounts = text.split(separator: UInt8(ascii: "\n")).compactMap(Mount.init(line:))
  }

  /// The mount that a path lies on, going by names: the longest mount point that is a prefix; of several on one point
  /// the last, which hides the others.
  package func mount(containing path: FilePath) -> Mount? {
    var best: Mount?
    for mount in mounts where path.starts(with: mount.mountPoint) {
      if best.map({ $0.mountPoint.components.count <= mount.mountPoint.components.count }) ?? true { best = mount }
    }
    return best
  }

  /// Mounts on directories below a path, not on the path itself.
  package func mounts(below path: FilePath) -> [Mount] {
    mounts.filter { $0.mountPoint != path && $0.mountPoint.starts(with: path) }
  }
}

/// The open mount table: poll(2) reports POLLPRI on it whenever something was mounted or unmounted.
package struct MountInfo: ~Copyable, Sendable {
  package let descriptor: Descriptor

  package init() throws(FilesystemError) {
    let flags = O_RDONLY | CLINUX_O_CLOEXEC
    descriptor = Descriptor(
      owning: try systemCall { open("/proc/self/mountinfo", flags) }
        .orThrow("open the mount table", "/proc/self/mountinfo"))
  }

  package func read() throws(FilesystemError) -> MountTable {
    MountTable(parsing: try descriptor.readAll(limit: 1 << 26))
  }
}

extension Mount {
  init?(line: some Sequence<UInt8>) {
    let fields = Array(line).split(separator: UInt8(ascii: " "))
    guard fields.count >= 10, let separator = fields.dropFirst(6).firstIndex(of: [UInt8(ascii: "-")]),
      separator + 1 < fields.count,
      let id = UInt64(String(decoding: fields[0], as: UTF8.self)),
      let parent = UInt64(String(decoding: fields[1], as: UTF8.self)),
      let root = FilePath(bytes: Self.unescaped(fields[3])),
      let mountPoint = FilePath(bytes: Self.unescaped(fields[4]))
    else { return nil }
    self.init(
      id: id, parent: parent, root: root, mountPoint: mountPoint,
      type: String(decoding: fields[separator + 1], as: UTF8.self))
  }

  /// The kernel writes space, tab, newline and backslash as `\` and three octal digits.
  private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }
}
