import Filesystem
import Glibc
import Synchronization
import SystemPackage
import Watching

/// A service manager's descriptor store, without a service manager.
final class KeptDescriptors: WatchStore {
  private let descriptors = Mutex<[KeptPart: CInt]>([:])
  private let isDeaf = Mutex(false)
  private let discarded = Mutex<[KeptPart]>([])

  deinit {
    for descriptor in descriptors.withLock({ $0.values }) { close(descriptor) }
  }

  /// It goes on keeping what it has.
  func take(_ part: KeptPart) -> Descriptor? {
    guard let descriptor = descriptors.withLock({ $0[part] }) else { return nil }
    return Descriptor(owning: fcntl(descriptor, F_DUPFD_CLOEXEC, 3))
  }

  func keep(_ descriptor: borrowing Descriptor, as part: KeptPart) {
    guard !isDeaf.withLock({ $0 }) else { return }
    put(fcntl(descriptor.rawValue, F_DUPFD_CLOEXEC, 3), as: part)
  }

  func discard(_ part: KeptPart) {
    discarded.withLock { $0.append(part) }
    put(nil, as: part)
  }

  /// nil: loses it.
  func put(_ descriptor: CInt?, as part: KeptPart) {
    let old = descriptors.withLock { descriptors in
      defer { descriptors[part] = descriptor }
      return descriptors[part]
    }
    if let old { close(old) }
  }

  /// From now on nothing new is kept: as if the watcher had been killed before it could hand anything over.
  func stopListening() { isDeaf.withLock { $0 = true } }

  func listenAgain() { isDeaf.withLock { $0 = false } }

  var map: WatchMap? {
    guard let file = take(.map), file.isSealed, let bytes = try? file.readAll(limit: 1 << 20) else { return nil }
    return try? WatchMap(decoding: bytes)
  }

  /// Watches that the kernel has in the queue (proc_pid_fdinfo(5)).
  var watches: Int {
    guard let queue = take(.queue) else { return 0 }
    let path = FilePath("/proc/\(getpid())/fdinfo/\(queue.rawValue)")
    guard let text = try? Descriptor.open(path, .read).readAll(limit: 1 << 20)
    else { return 0 }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").count { $0.hasPrefix("inotify") }
  }
}
