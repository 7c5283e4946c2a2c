import CLinux
import Glibc
import SystemPackage

/// Wakes a thread that waits in poll(2) (eventfd(2)).
package struct EventDescriptor: ~Copyable, Sendable {
  /// Readable while a signal is pending.
  package let descriptor: Descriptor

  package init() throws(FilesystemError) {
    let flags = CInt(EFD_CLOEXEC | EFD_NONBLOCK)
    descriptor = Descriptor(owning: try systemCall { eventfd(0, flags) }.orThrow("make an event descriptor"))
  }

  /// From any thread; several signals before a ``clear()`` count as one.
  package func signal() {
    // Fails only when the counter is full: then a signal is pending anyway.
    _ = systemCall { eventfd_write(descriptor.rawValue, 1) }
  }

  package func clear() {
    var count: eventfd_t = 0
    _ = systemCall { eventfd_read(descriptor.rawValue, &count) }
  }
}
