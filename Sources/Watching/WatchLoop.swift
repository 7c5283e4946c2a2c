import CLinux
import Filesystem
import StayposCore
import Synchronization
import SystemPackage

/// The watcher's thread: waits, hands events to the pure parts, does in the kernel what they decide.
final class WatchLoop {
  typealias Instant = ContinuousClock.Instant

  /// What the loop knows of a watched directory beside its place.
  struct DirectoryInfo {
    var device: UInt64
    /// Where it was found to be on a network file system: others may change it behind the kernel's back.
    var networkPath: FilePath?
    /// It could not be listed, or a directory in it not be watched, perhaps because it was being renamed.
    var isIncomplete = false
    /// Names in it that could not be opened, and why; nil: it could not be listed itself.
    var unreadable: [FilePath.Component?: FilesystemError] = [:]
    /// What the last scan found, if inotify does not cover it.
    var seen: [FilePath.Component: FileIdentity] = [:]
    /// The scan that listed it last.
    var pass = 0
  }

  let channel: WatchChannel
  let admission: Admission
  let timing: WatchTiming
  private let report: @Sendable (WatchReport) -> Void

  var tree = WatchTree()
  var settler: Settler
  var info: [DirectoryID: DirectoryInfo] = [:]
  var degradations = DegradationBook()

  // Roots
  var rootStates: [RootID: WatchStatus.RootState] = [:]
  /// Watches on directories above the roots, and for which roots.
  var guards: [CInt: Set<RootID>] = [:]
  var mountTable: MountTable
  /// The mount point that a root has lost.
  var lostMounts: [RootID: FilePath] = [:]

  // Scans
  var jobs: [ScanJob] = []
  var backlogJobs: [ScanJob] = []
  var active: ActiveScan?
  var passes: [Int: ScanPass] = [:]
  var nextPass = 0
  var rescans: RescanSchedule
  var overflows = 0
  /// What was reported since an overflow, until its scan is done: the scan does not report it again.
  var settledSinceOverflow: [WatchedName: FileIdentity]?
  /// Since when events may have been lost.
  var overflowStart: Timestamp?
  var nextPoll: Instant?
  var nextUnreadable: Instant?
  /// Directories with something that could not be opened, and how much that is in all of them.
  var unreadable: Set<DirectoryID> = []
  var unreadableCount = 0
  var networkDirectories = 0

  // From the process before, and for the next
  /// Directories that only the map of the process before speaks of: whether they are there is to be seen.
  var inherited: Set<DirectoryID> = []
  var keptRevision = 0
  var nextKeep = Instant.now

  // Moves
  /// Directories that were moved away and have not turned up again, by cookie.
  var moved: [UInt32: (directory: DirectoryID, path: FilePath?, until: Instant)] = [:]

  var pendingWriters: [WatchedName: WatchStatus.PendingWriter] = [:]
  private var settled: [SettledFile] = []
  private var wakeups = 0
  /// When the queue was last read empty: nothing before that is lost.
  var lastDrained = Timestamp.now

  init(
    channel: WatchChannel, admission: Admission, timing: WatchTiming, report: @escaping @Sendable (WatchReport) -> Void
  ) {
    self.channel = channel
    self.admission = admission
    self.timing = timing
    self.report = report
    settler = Settler(timing: timing)
    rescans = RescanSchedule(timing: timing)
    mountTable = (try? channel.mounts.read()) ?? MountTable(parsing: [])
  }

  func run(roots: [WatchRoot]) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
    defer { buffer.deallocate() }
    if channel.store != nil { emit(.started(channel.start)) }
    replaceRoots(roots, reason: .start)
    while true {
      wakeups += 1
      flush()
      keepMap()
      publishStatus()
      let isBusy = active != nil || !jobs.isEmpty || !backlogJobs.isEmpty
      let mountsChanged = channel.wait(timeout: isBusy ? .zero : nextDeadline.map { $0 - .now })
      let requests = channel.takeRequests()
      if requests.stop { break }
      drainEvents(buffer)
      if mountsChanged { handleMounts() }
      for roots in requests.roots { replaceRoots(roots, reason: .request) }
      for path in requests.rescans { rescan(path) }
      handleDeadlines()
      scanSlice()
    }
    keepMap(isLast: true)
    flush()
  }

  // MARK: Reports

  func emit(_ report: WatchReport) {
    flush()
    self.report(report)
  }

  func emit(_ file: SettledFile) {
    settled.append(file)
    if settled.count >= 256 { flush() }
  }

  private func flush() {
    guard !settled.isEmpty else { return }
    let files = settled
    settled = []
    report(.settled(files))
  }

  func degrade(_ kind: String, _ subject: String = "", detail: String, remedy: String) {
    if let news = degradations.set(.init(kind: kind, subject: subject), detail: detail, remedy: remedy) {
      emit(.degraded(news))
    }
  }

  func recover(_ kind: String, _ subject: String = "") {
    if let over = degradations.clear(.init(kind: kind, subject: subject)) { emit(.recovered(over)) }
  }

  private func publishStatus() {
    var status = WatchStatus()
    status.roots = rootStates.sorted { $0.key.value < $1.key.value }.compactMap { id, state in
      tree.roots[id].map { .init(path: $0.path, state: state) }
    }
    status.watches = tree.watchCount
    status.polledDirectories = polledCount
    status.pendingFiles = settler.count
    status.pendingWriters = pendingWriters.values.sorted { $0.since < $1.since }
    status.overflows = overflows
    status.isScanning = active != nil || !jobs.isEmpty || !backlogJobs.isEmpty
    status.degradations = degradations.all
    status.wakeups = wakeups
    channel.status.withLock { $0 = status }
  }

  // MARK: Time

  private var nextDeadline: Instant? {
    [settler.nextDeadline, rescans.next, nextPoll, nextUnreadable, moved.values.map(\.until).min(), keepDeadline]
      .compactMap(\.self).min()
  }

  private func handleDeadlines() {
    settleDue()
    let now = Instant.now
    for (cookie, move) in moved where move.until <= now {
      moved[cookie] = nil
      if tree.nodes[move.directory]?.places.isEmpty == true { removeSubtree(move.directory) }
    }
    if rescans.take(at: now) {
      let since = overflowStart
      overflowStart = nil
      scanEverything(reason: .overflow, liveSince: since)
    }
    if let due = nextPoll, due <= now { pollDirectories(now: now) }
    if let due = nextUnreadable, due <= now { retryUnreadable() }
  }

  // MARK: Events

  /// Reads until the queue is empty, but not for ever: under a flood scans and settling go on too.
  private func drainEvents(_ buffer: UnsafeMutableRawBufferPointer) {
    for _ in 0..<64 {
      let before = Timestamp.now
      guard channel.inotify.read(into: buffer, handle) else {
        lastDrained = before
        return
      }
    }
  }

  private func handle(_ event: Inotify.Event) {
    if event.has(IN_Q_OVERFLOW) {
      overflows += 1
      let since = overflowStart ?? lastDrained
      overflowStart = since
      if settledSinceOverflow == nil { settledSinceOverflow = [:] }
      emit(.overflow(since: since, delay: rescans.overflowed(at: .now)))
      degrade(
        "overflow", detail: "events since \(since) may be lost, until everything has been scanned",
        remedy: "wait; if it comes again, raise fs.inotify.max_queued_events with sysctl")
      return
    }
    if let roots = guards[event.watch] { handleGuard(event, roots) }
    guard let directory = tree.directory(watch: event.watch) else {
      if guards[event.watch] == nil { dismiss(event) }
      return
    }
    confirm(directory)
    if event.has(IN_IGNORED) {
      // Deleted or unmounted: the kernel has dropped the watch, and its number is never used again.
      let isRoot = tree.nodes[directory]?.places.contains { if case .root = $0 { true } else { false } } ?? false
      removeSubtree(directory)
      if isRoot { verifyRoots() }
    } else if event.has(IN_MOVE_SELF) {
      verifyRoots(at: directory)
    } else if let name = event.name {
      if event.isDirectory {
        handleDirectory(event, name, in: directory)
      } else if event.has(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO) {
        // Of a file that was moved away nothing is noted: in an exchange another has taken its place already.
        let trigger: Settler.Trigger =
          event.has(IN_MOVED_TO) ? .movedIn : event.has(IN_CLOSE_WRITE) ? .closed : .created
        note(name, in: directory, trigger, .live)
      }
    }
  }

  private func handleDirectory(_ event: Inotify.Event, _ name: FilePath.Component, in parent: DirectoryID) {
    let place = WatchTree.Place.child(of: parent, name: name)
    if event.has(IN_MOVED_FROM) {
      guard let directory = tree.directory(at: place) else { return }
      let path = inherited.contains(parent) ? nil : tree.path(of: place)
      // What is under the name now counts: the queue may lag behind an exchange or a way back.
      if let path, let found = try? Directory(opening: path), currentWatch(of: found) == tree.nodes[directory]?.watch {
        return
      }
      if let orphan = tree.detach(place) {
        moved[event.cookie] = (orphan, path, .now + timing.moveGrace)
      }
    } else if event.has(IN_MOVED_TO) || event.has(IN_CREATE) {
      guard tree.isRecursive(parent) else { return }
      let move = event.has(IN_MOVED_TO) ? moved.removeValue(forKey: event.cookie) : nil
      let armed = arm(place)
      if let move {
        if armed?.directory == move.directory {
          finishMove(move.directory, from: move.path)
          return
        }
        if tree.nodes[move.directory]?.places.isEmpty == true { removeSubtree(move.directory) }
      }
      if let armed, armed.isNew || event.has(IN_MOVED_TO) {
        startPass(.change, [armed.directory], priority: .live)
      }
    }
  }

  /// A directory has turned up under a new name with all that is known of it.
  private func finishMove(_ directory: DirectoryID, from old: FilePath?) {
    guard let new = tree.path(of: directory) else { return }
    if let old, old != new { emit(.directoryRenamed(from: old, to: new)) }
    // Another root may want other files; and what went away while it was being renamed is looked for again.
    let subtree = tree.subtree(directory)
    let wantedBefore = old.map { path in tree.roots.values.filter { path.starts(with: $0.path) } } ?? []
    let wantedNow = tree.roots.values.filter { new.starts(with: $0.path) }
    // The start's scan looks for names: what goes from a directory that it has not listed into one that it has is missed.
    let isResuming = channel.inherited != nil && passes.values.contains { $0.summary.reason == .start }
    let isIncomplete = subtree.contains { info[$0]?.isIncomplete == true || unreadable.contains($0) }
    if Set(wantedBefore) != Set(wantedNow) || isResuming || isIncomplete {
      startPass(.change, [directory], priority: .live)
    }
  }

  /// The watch that a directory has, if it has one. The mask stays as it is.
  func currentWatch(of directory: borrowing Directory) -> CInt? {
    guard let watch = try? channel.inotify.watch(directory, .treeEvents, inUse: tree.watchCount) else { return nil }
    if tree.directory(watch: watch) == nil, guards[watch] == nil { channel.inotify.remove(watch) }
    return watch
  }

  /// Forgets a directory that is no longer ours, and all below it.
  func removeSubtree(_ directory: DirectoryID) {
    let removal = tree.remove(directory)
    // A directory above a root keeps its watch; more events than it needs do no harm.
    for watch in removal.watches where guards[watch] == nil { channel.inotify.remove(watch) }
    for id in removal.directories {
      markReadable(all: id)
      guard let path = info.removeValue(forKey: id)?.networkPath else { continue }
      networkDirectories -= 1
      recover("network-filesystem", path.escaped)
    }
    settler.remove(directories: removal.directories)
    inherited.subtract(removal.directories)
    for file in pendingWriters.keys where removal.directories.contains(file.directory) { pendingWriters[file] = nil }
    updateCoverage()
  }
}
