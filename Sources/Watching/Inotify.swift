import CLinux
import Filesystem
import Glibc
import StayposCore
import Synchronization
import SystemPackage

/// An inotify(7) queue.
final class Inotify: Sendable {
  struct Event {
    var watch: CInt
    var mask: UInt32
    var cookie: UInt32
    var name: FilePath.Component?

    func has(_ bit: some BinaryInteger) -> Bool { mask & UInt32(truncatingIfNeeded: bit) != 0 }
    var isDirectory: Bool { has(IN_ISDIR) }
  }

  let descriptor: Descriptor
  /// Watches that may exist; tests lower it to see what the kernel's limit does.
  let limit = Atomic<Int>(.max)

  init() throws(FilesystemError) {
    let value = inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK))
    guard value >= 0 else {
      let code = Errno(rawValue: errno)
      var error = FilesystemError(errno: code, operation: "make an inotify instance")
      if code.rawValue == EMFILE { error.code = .watchLimit }
      throw error
    }
    descriptor = Descriptor(owning: value)
  }

  /// Reads on in the queue of an earlier process.
  ///
  /// - Throws: `wrong-kind` if it is none.
  init(adopting queue: consuming Descriptor) throws(FilesystemError) {
    var target = [UInt8](repeating: 0, count: 64)
    let length = readlink("/proc/self/fd/\(queue.rawValue)", &target, target.count)
    guard length > 0, target.prefix(length).elementsEqual("anon_inode:inotify".utf8) else {
      throw FilesystemError(.wrongKind, operation: "take over an inotify instance")
    }
    let flags = fcntl(queue.rawValue, F_GETFL)
    _ = fcntl(queue.rawValue, F_SETFL, flags | O_NONBLOCK)
    descriptor = queue
  }

  /// Watches an open directory; an inode that is watched already keeps its number, and the mask grows.
  func watch(_ directory: borrowing Directory, _ mask: UInt32, inUse: Int) throws(FilesystemError) -> CInt {
    let flags = mask | UInt32(IN_ONLYDIR) | UInt32(IN_MASK_ADD)
    var watch: CInt = -1
    var code = ENOSPC
    if inUse < limit.load(ordering: .relaxed) {
      watch = inotify_add_watch(descriptor.rawValue, "/proc/self/fd/\(directory.descriptor.rawValue)", flags)
      code = errno
    }
    guard watch >= 0 else {
      var error = FilesystemError(errno: Errno(rawValue: code), operation: "watch the directory", path: directory.path)
      if code == ENOSPC { error.code = .watchLimit }
      throw error
    }
    return watch
  }

  /// The watch may be gone already.
  func remove(_ watch: CInt) {
    inotify_rm_watch(descriptor.rawValue, watch)
  }

  /// Hands over what is in the queue, at most one buffer full.
  ///
  /// - Returns: false if the queue was empty.
  func read(into buffer: UnsafeMutableRawBufferPointer, _ handle: (Event) -> Void) -> Bool {
    let count = Glibc.read(descriptor.rawValue, buffer.baseAddress, buffer.count)
    guard count > 0 else { return false }
    let header = MemoryLayout<inotify_event>.size
    var offset = 0
    while offset + header <= count {
      let raw = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
      let length = Int(raw.len)
      var name: FilePath.Component?
      if length > 0, let start = buffer.baseAddress?.advanced(by: offset + header) {
        name = FilePath.Component(platformString: start.assumingMemoryBound(to: CChar.self))
      }
      handle(Event(watch: raw.wd, mask: raw.mask, cookie: raw.cookie, name: name))
      offset += header + length
    }
    return true
  }
}

extension UInt32 {
  /// What a watched directory has to tell.
  static let treeEvents = UInt32(
    IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF | IN_EXCL_UNLINK)
  /// A directory above a root: only whether it goes away.
  static let guardEvents = UInt32(IN_MOVE_SELF | IN_DELETE_SELF)
  /// The nearest directory above a missing root: something comes, or may be opened now.
  static let arrivalEvents = UInt32(IN_MOVE_SELF | IN_DELETE_SELF | IN_CREATE | IN_MOVED_TO | IN_ATTRIB)
}
