import CLinux
import Glibc
import SystemPackage

/// Which walls stand around a scorer.
package struct SandboxReport: Hashable, Sendable, Codable {
  /// Version of the kernel's landlock(7) that is in force; 0: none.
  package var landlock: Int
  /// The system call filter is in force.
  package var seccomp: Bool
  /// No new privileges, no capabilities, resource limits.
  package var privilegesDropped: Bool

  package init(landlock: Int, seccomp: Bool, privilegesDropped: Bool) {
    self.landlock = landlock
    self.seccomp = seccomp
    self.privilegesDropped = privilegesDropped
  }

  /// What is not in force, for people; empty if all is well.
  package var missing: [String] {
    var names: [String] = []
    if !privilegesDropped { names.append("dropped privileges and resource limits") }
    if landlock == 0 { names.append("landlock") }
    if !seccomp { names.append("seccomp") }
    return names
  }
}

/// Takes from the process what it does not need for decoding and scoring, for good. A wall that the kernel
/// does not offer is left out and missing in the report.
package struct Sandbox: Sendable {
  package private(set) var report = SandboxReport(landlock: 0, seccomp: false, privilegesDropped: false)

  /// Threads that a scorer of several may add to those of its user. Far more than it needs, for others of its user come and
  /// go; far fewer than the service may have, so that the daemon does not run out of them.
  package static let furtherThreads = 1024

  package init() {}

  /// Above it are the daemon, its clients and whoever brings the uploads: none of them shall wait for an image.
  private static let nice: CInt = 10

  /// From here on the process gets what others leave of the processors.
  package func yieldProcessors() {
    clinux_yield_processor(Self.nice)
  }

  /// Capabilities, new privileges, debugging by others, and all resources but processor time, memory and, if the scorer
  /// has several, some threads.
  ///
  /// - Parameter memoryLimit: bytes of private writable memory; nil: no limit.
  package mutating func dropPrivileges(threads: Int, memoryLimit: Int?) {
    // A write beyond RLIMIT_FSIZE shall fail, not kill.
    signal(SIGXFSZ, SIG_IGN)
    let isDropped = clinux_drop_privileges() == 0
    let furtherThreads = threads == 1 ? 0 : Self.furtherThreads
    let isLimited = clinux_limit_resources(UInt64(max(0, memoryLimit ?? 0)), UInt64(furtherThreads)) == 0
    // Last: a change of credentials resets it (prctl(2)).
    report.privilegesDropped = clinux_die_with_parent() == 0 && isDropped && isLimited
  }

  /// Every file that is not open yet. Needs a process of a single thread: landlock holds for the calling thread and those
  /// that it starts.
  package mutating func denyFiles() {
    report.landlock = clinux_restrict_landlock() == 0 ? Int(clinux_landlock_abi()) : 0
  }

  /// All system calls but those of arithmetic and of messages over `socket`. Comes after everything that libraries do at
  /// their first use, and before the first image.
  package mutating func denySystemCalls(socket: CInt, threads: Int) {
    report.seccomp = clinux_restrict_system_calls(socket, threads > 1) == 0
  }
}
