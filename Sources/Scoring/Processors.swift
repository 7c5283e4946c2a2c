import CLinux

/// Processors of the machine.
package enum Processors {
  /// Those that this process may run on (sched_getaffinity(2)), not all that there are.
  package static var available: Int { Int(clinux_processors()) }
}
