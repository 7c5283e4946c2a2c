import Filesystem
import StayposCore
import SystemPackage

/// A name in a watched directory. The directory may be renamed meanwhile; its number stays.
package struct WatchedName: Hashable, Sendable {
  package var directory: DirectoryID
  package var name: FilePath.Component

  package init(directory: DirectoryID, name: FilePath.Component) {
    self.directory = directory
    self.name = name
  }
}

/// Decides when a file is complete: events and observations in, decisions and the next deadline out. Touches nothing.
///
/// A file settles when it has been left alone for the settle time and nobody has it open for writing. Where the kernel
/// does not tell about writers, a file that was closed, moved in or linked counts as written; any other has to stay
/// unchanged much longer. What changes again and again though nobody keeps it open settles in spite of that in the end:
/// else whoever touches a file often enough could hide it.
package struct Settler {
  package typealias Instant = ContinuousClock.Instant

  package enum Trigger: Sendable {
    case created
    /// Closed by a writer.
    case closed
    case movedIn
    /// By a scan, not by an event.
    case found
  }

  package enum Observation: Sendable {
    case gone
    /// Not a regular file, or no longer under a root that wants it.
    case notOurs
    case present(FileIdentity, links: UInt64, writer: WriterState)
  }

  package enum Decision: Sendable, Equatable {
    case drop
    case wait
    case settled(FileIdentity, QueuePriority)
    /// Waits on; told once per file.
    case writerPending(since: Timestamp)
  }

  private struct Entry {
    var first: Instant
    var firstTime: Timestamp
    /// Since when nobody was seen to have it open; nil: somebody was, at the last look.
    var closedSince: Instant?
    var settle: Duration
    var priority: QueuePriority
    var deadline: Instant
    /// Deadline under which it is in the heap now.
    var scheduled: Instant?
    /// The last event says that writing has ended.
    var isComplete: Bool
    var wasFound: Bool
    var observed: (identity: FileIdentity, since: Instant)?
    var wasGone = false
    var isReported = false
    var recheck: Duration
  }

  private let timing: WatchTiming
  private var entries: [WatchedName: Entry] = [:]
  /// The keys of `entries`, by directory.
  private var names: [DirectoryID: Set<FilePath.Component>] = [:]
  private var heap = DeadlineHeap<WatchedName>()

  package init(timing: WatchTiming) {
    self.timing = timing
  }

  package var count: Int { entries.count }

  /// When ``due(at:limit:)`` has something again; may be early, never late. nil: nothing is pending.
  package var nextDeadline: Instant? { heap.earliest }

  package func contains(_ file: WatchedName) -> Bool { entries[file] != nil }

  /// Takes note of an event, or of a file that a scan found.
  package mutating func note(
    _ file: WatchedName, _ trigger: Trigger, priority: QueuePriority, settle: Duration, at now: Instant,
    time: Timestamp
  ) {
    let isFound = trigger == .found
    var entry: Entry
    if let known = entries[file] {
      entry = known
      entry.priority = max(entry.priority, priority)
      // It will be looked at anyway.
      if !isFound {
        entry.isComplete = trigger != .created
        entry.wasFound = false
        entry.wasGone = false
        entry.observed = nil
        entry.settle = settle
        entry.recheck = settle
        let closedSince = entry.closedSince ?? now
        entry.closedSince = closedSince
        // Events put the next look off, but not for ever.
        let latest = entry.isReported ? closedSince + timing.changePatience : entry.first + timing.writerDeadline
        entry.deadline = min(now + settle, max(entry.deadline, latest))
      }
    } else {
      entry = Entry(
        first: now, firstTime: time, closedSince: now, settle: settle, priority: priority,
        deadline: isFound ? now : now + settle,
        isComplete: trigger == .closed || trigger == .movedIn, wasFound: isFound, recheck: settle)
    }
    schedule(file, &entry)
  }

  /// Names whose time has come: the caller probes each and calls ``resolve(_:_:at:time:)``.
  package mutating func due(at now: Instant, limit: Int) -> [WatchedName] {
    var due: [WatchedName] = []
    while due.count < limit, let (deadline, file) = heap.pop(at: now) {
      // Removed or brought forward meanwhile: not this one.
      guard var entry = entries[file], entry.scheduled == deadline else { continue }
      entry.scheduled = nil
      if entry.deadline > now {
        schedule(file, &entry)
      } else {
        entries[file] = entry
        due.append(file)
      }
    }
    return due
  }

  package mutating func resolve(
    _ file: WatchedName, _ observation: Observation, at now: Instant, time: Timestamp
  ) -> Decision {
    guard var entry = entries[file] else { return .drop }
    switch observation {
    case .notOurs:
      forget(file)
      return .drop
    case .gone:
      if entry.wasGone {
        forget(file)
        return .drop
      }
      entry.wasGone = true
      entry.observed = nil
      entry.deadline = now + timing.goneGrace
      schedule(file, &entry)
      return .wait
    case .present(let identity, let links, let writer):
      entry.wasGone = false
      let closedSince = entry.closedSince ?? now
      entry.closedSince = closedSince
      let wait: Duration?
      switch writer {
      case .writerOpen:
        entry.observed = nil
        entry.closedSince = nil
        wait = backOff(&entry)
      case .noWriter,
        .unknown where entry.isComplete || links > 1:
        let quiet = timeToQuiet(&entry, identity, required: entry.settle, at: now, time: time)
        wait = now - closedSince >= max(timing.changePatience, entry.settle) ? nil : quiet
      case .unknown:
        let required = entry.wasFound ? timing.writerDeadline : timing.unknownWriterPatience
        let quiet = timeToQuiet(&entry, identity, required: required, at: now, time: time)
        wait = quiet.map { min($0, backOff(&entry)) }
      }
      guard let wait else {
        forget(file)
        return .settled(identity, entry.priority)
      }
      return postpone(file, &entry, by: wait, at: now)
    }
  }

  /// Forgets all files in these directories.
  package mutating func remove(directories: Set<DirectoryID>) {
    for directory in directories {
      for name in names.removeValue(forKey: directory) ?? [] {
        entries[WatchedName(directory: directory, name: name)] = nil
      }
    }
  }

  private mutating func forget(_ file: WatchedName) {
    entries[file] = nil
    names[file.directory]?.remove(file.name)
    if names[file.directory]?.isEmpty == true { names[file.directory] = nil }
  }

  /// nil: unchanged for as long as required. Else how long to wait until that can be so.
  private func timeToQuiet(
    _ entry: inout Entry, _ identity: FileIdentity, required: Duration, at now: Instant, time: Timestamp
  ) -> Duration? {
    // ctime against the clock saves a second look, unless the file system's clock is another one.
    let age = time.interval(since: identity.changed)
    if age >= required { return nil }
    guard let observed = entry.observed, observed.identity == identity else {
      entry.observed = (identity, now)
      return age >= .zero ? required - age : required
    }
    let unchanged = now - observed.since
    return unchanged >= required ? nil : required - unchanged
  }

  private func backOff(_ entry: inout Entry) -> Duration {
    let wait = min(max(entry.recheck, .milliseconds(10)), timing.recheckMaximum)
    entry.recheck = wait * 2
    return wait
  }

  private mutating func postpone(
    _ file: WatchedName, _ entry: inout Entry, by wait: Duration, at now: Instant
  ) -> Decision {
    let limit = entry.first + timing.writerDeadline
    entry.deadline = now + wait
    let isOverdue = !entry.isReported && now >= limit
    if isOverdue {
      entry.isReported = true
    } else if !entry.isReported {
      entry.deadline = min(entry.deadline, limit)
    }
    schedule(file, &entry)
    return isOverdue ? .writerPending(since: entry.firstTime) : .wait
  }

  /// Stores the entry; puts it into the heap unless it is in there early enough to be looked at again.
  private mutating func schedule(_ file: WatchedName, _ entry: inout Entry) {
    if entry.scheduled.map({ $0 > entry.deadline }) ?? true {
      entry.scheduled = entry.deadline
      heap.push(file, at: entry.deadline)
    }
    if entries.updateValue(entry, forKey: file) == nil { names[file.directory, default: []].insert(file.name) }
  }
}
