import CSystemd
import Glibc
import StayposCore

/// What a service manager wants to know (sd_notify(3)). Without one (no `NOTIFY_SOCKET`) every call does nothing.
package struct ServiceNotifier: Sendable {
  package init() {}

  /// Whether there is a manager that listens.
  package static var hasManager: Bool { getenv("NOTIFY_SOCKET") != nil }

  /// `Type=notify`: start-up, or a reload, is over.
  package func ready(status: String) {
    send("READY=1\nSTATUS=\(status.controlEscaped)")
  }

  /// A reload begins; ``ready(status:)`` ends it.
  package func reloading() {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
  }

  /// A stop begins.
  package func stopping(status: String) {
    send("STOPPING=1\nSTATUS=\(status.controlEscaped)")
  }

  /// Says that the daemon makes progress; due within ``watchdogInterval``.
  package func keepAlive() {
    send("WATCHDOG=1")
  }

  /// Gives the manager a descriptor to keep over restarts (`FileDescriptorStoreMax=` of the unit); the next process finds
  /// it among its ``PassedDescriptors``.
  ///
  /// - Parameter name: without colons.
  package func keep(_ descriptor: CInt, as name: String) {
    var descriptors = [descriptor]
    _ = sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=\(name)", &descriptors, 1)
  }

  /// The manager closes all that it keeps under this name.
  package func forget(_ name: String) {
    send("FDSTOREREMOVE=1\nFDNAME=\(name)")
  }

  /// `WatchdogSec=` of the unit; feed at half of it. nil: no watchdog.
  package var watchdogInterval: Duration? {
    var microseconds: UInt64 = 0
    guard sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
    return .microseconds(Int64(clamping: microseconds))
  }

  private func send(_ message: String) {
    // A manager that does not listen is no reason to stop working.
    _ = sd_notify(0, message)
  }
}
