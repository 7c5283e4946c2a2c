/// Deadlines of the watcher. The settle time belongs to the root.
package struct WatchTiming: Sendable {
  /// How long a writer may keep a file open, or go on changing it, before it is reported as pending.
  package var writerDeadline: Duration = .seconds(60)
  /// A file that goes on changing though nobody keeps it open (it is touched, or appended to, again and again) is reported
  /// all the same after this time, or after its settle time if that is longer; what changes it then brings it again.
  package var changePatience: Duration = .seconds(600)
  /// Longest time between two looks at a file that is being written.
  package var recheckMaximum: Duration = .seconds(30)
  /// A file whose writers the kernel does not tell, and that nobody was seen to close, counts as complete after this
  /// time without a change.
  package var unknownWriterPatience: Duration = .seconds(600)
  /// A name that is gone is looked for once more after this time: a rename of its directory may still be in the queue.
  package var goneGrace: Duration = .seconds(1)
  /// How long the second half of a move may take to arrive.
  package var moveGrace: Duration = .milliseconds(500)
  /// Between scans of directories that inotify does not cover.
  package var pollInterval: Duration = .seconds(30)
  /// Between attempts at what could not be opened, and at roots that are missing.
  package var unreadableInterval: Duration = .seconds(600)
  /// Rescans after overflows: at once, then this long after the end of the last, doubled up to the maximum; never sooner
  /// than the last has taken.
  package var rescanDelay: Duration = .seconds(1)
  package var rescanDelayMaximum: Duration = .seconds(120)

  /// Least time between two maps for the next process; one that takes long to make comes less often.
  package var mapInterval: Duration = .seconds(1)

  package init() {}
}
