import StayposCore
import SystemPackage

/// What the watcher has to say, in the order in which it happened.
package enum WatchReport: Sendable {
  /// The first, if there is a store.
  case started(WatchStart)
  /// One or more files. The same file may come again (a rescan, a close without a change): whoever takes them compares
  /// identities.
  case settled([SettledFile])
  /// Somebody has the file open for writing, or changes it again and again, longer than the deadline; it comes as settled
  /// once that ends, or in the second case in the end.
  case writerPending(FilePath, since: Timestamp)
  /// The kernel's queue overflowed: events since `since` may be lost. A scan of everything follows after `delay`, or, if
  /// one goes on, that long after its end.
  case overflow(since: Timestamp, delay: Duration)
  /// A directory was renamed inside the roots; files below keep their identity, and are not reported again.
  case directoryRenamed(from: FilePath, to: FilePath)
  case scanFinished(ScanSummary)
  case degraded(Degradation)
  /// The degradation of this kind and beginning is over; its detail may be another by now.
  case recovered(Degradation)
}

/// One pass over directories.
package struct ScanSummary: Sendable, Hashable {
  package enum Reason: String, Sendable {
    /// Files that were there before the watcher: the backlog.
    case start
    case request
    case overflow
    /// Something was mounted or unmounted.
    case mounts
    /// Directories that appeared, or were moved.
    case change
    /// Directories that inotify does not cover.
    case periodic
  }

  package var reason: Reason
  package var directories: Int
  /// Names that were looked at, of whatever kind but directories.
  package var files: Int

  package init(reason: Reason, directories: Int = 0, files: Int = 0) {
    self.reason = reason
    self.directories = directories
    self.files = files
  }
}

/// A snapshot of the watcher.
package struct WatchStatus: Sendable {
  package enum RootState: String, Sendable {
    case starting
    case watching
    /// On a file system where inotify does not tell all: scanned again and again.
    case polling
    /// Not there, or not to be opened; picked up when it appears.
    case missing
  }

  package struct Root: Sendable {
    package var path: FilePath
    package var state: RootState
  }

  package struct PendingWriter: Sendable, Hashable {
    package var path: FilePath
    package var since: Timestamp
  }

  package var roots: [Root] = []
  /// inotify watches in use.
  package var watches = 0
  /// Directories that are scanned periodically instead, since the limit on watches is reached or for their file system.
  package var polledDirectories = 0
  /// Files that have not settled yet.
  package var pendingFiles = 0
  /// Those of them that somebody writes to beyond the deadline.
  package var pendingWriters: [PendingWriter] = []
  package var overflows = 0
  package var isScanning = false
  package var degradations: [Degradation] = []
  /// Turns of the loop so far: does not grow while nothing happens.
  package var wakeups = 0
}
