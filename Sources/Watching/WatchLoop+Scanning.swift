import Filesystem
import StayposCore
import SystemPackage

/// One directory to list.
struct ScanJob {
  var directory: DirectoryID
  var pass: Int
}

/// Several directories that are listed for one reason.
struct ScanPass {
  var summary: ScanSummary
  var priority: QueuePriority
  /// Files changed since then count as live: they were uploaded while events were lost.
  var liveSince: Timestamp?
  /// Whether directories that are known already are listed too.
  var isDeep: Bool
  /// Jobs that are not done.
  var jobs = 0
}

/// The listing in progress.
final class ActiveScan {
  let job: ScanJob
  let directory: Directory
  var stream: DirectoryStream
  /// Directories that were known when it began and have not come up yet.
  var missing: [FilePath.Component: DirectoryID]
  /// Names of files, if inotify does not cover the directory.
  var names: Set<FilePath.Component> = []

  init(
    job: ScanJob, directory: consuming Directory, stream: consuming DirectoryStream,
    missing: [FilePath.Component: DirectoryID]
  ) {
    self.job = job
    self.directory = directory
    self.stream = stream
    self.missing = missing
  }
}

extension WatchLoop {
  func startPass(
    _ reason: ScanSummary.Reason, _ directories: [DirectoryID], priority: QueuePriority, liveSince: Timestamp? = nil,
    isDeep: Bool = true
  ) {
    nextPass += 1
    passes[nextPass] = ScanPass(
      summary: ScanSummary(reason: reason), priority: priority, liveSince: liveSince, isDeep: isDeep)
    // A job that is never listed, so that a pass over nothing ends too.
    passes[nextPass]?.jobs = 1
    for directory in directories { addJob(directory, pass: nextPass) }
    finishJob(pass: nextPass)
  }

  private func addJob(_ directory: DirectoryID, pass: Int) {
    guard info[directory].map({ $0.pass != pass }) == true else { return }
    info[directory]?.pass = pass
    info[directory]?.isIncomplete = false
    passes[pass]?.jobs += 1
    let job = ScanJob(directory: directory, pass: pass)
    if passes[pass]?.priority == .backlog { backlogJobs.append(job) } else { jobs.append(job) }
  }

  private func finishJob(pass number: Int) {
    guard var pass = passes[number] else { return }
    pass.jobs -= 1
    passes[number] = pass
    guard pass.jobs == 0 else { return }
    passes[number] = nil
    if pass.summary.reason == .periodic { schedulePolling() }
    // The last files of it may still have to be probed; a report of its end would come before theirs.
    settleDue()
    if pass.summary.reason == .start { endInheritance() }
    if pass.summary.reason == .overflow {
      rescans.finished(at: .now)
      settledSinceOverflow = rescans.next == nil ? nil : [:]
      if rescans.next == nil { recover("overflow") }
    }
    emit(.scanFinished(pass.summary))
  }

  func scanEverything(reason: ScanSummary.Reason, liveSince: Timestamp? = nil) {
    verifyRoots(scanning: false)
    let tops = tree.roots.keys.sorted { $0.value < $1.value }.compactMap { tree.directory(at: .root($0)) }
    startPass(reason, tops, priority: .backlog, liveSince: liveSince)
  }

  /// A request: a directory, a file, or everything.
  func rescan(_ path: FilePath?) {
    guard let path = path?.lexicallyNormalized() else {
      scanEverything(reason: .request)
      return
    }
    if let directory = tree.directory(path: path) ?? look(at: path) {
      startPass(.request, [directory], priority: .backlog)
    }
  }

  /// Takes note of what is in a place below a root now.
  ///
  /// - Returns: the directory, to be scanned.
  func look(at path: FilePath) -> DirectoryID? {
    guard let name = path.lastComponent, let parent = tree.directory(path: path.removingLastComponent()) else {
      return nil
    }
    let place = WatchTree.Place.child(of: parent, name: name)
    if tree.isRecursive(parent), let armed = arm(place) { return armed.directory }
    // What was there is not.
    if let orphan = tree.detach(place) { removeSubtree(orphan) }
    note(name, in: parent, .found, .backlog)
    return nil
  }

  /// A bounded piece of the scan in progress; live changes go before the backlog. Nothing goes on while many files wait
  /// to be probed: memory stays bounded.
  func scanSlice() {
    guard settler.nextDeadline.map({ $0 > .now }) ?? true else { return }
    // In entries; a directory of its own costs as much as some.
    var budget = 256
    while budget > 0 {
      if active == nil {
        startNextJob()
        budget -= 16
      }
      guard let scan = active else { return }
      do throws(FilesystemError) {
        while budget > 0 {
          guard let entry = try scan.stream.next() else {
            finishListing(scan)
            break
          }
          visit(entry, scan)
          budget -= 1
        }
      } catch {
        // What could be read was; the rest is tried again with the unreadable ones.
        markUnreadable(scan.job.directory, nil, error)
        active = nil
        finishJob(pass: scan.job.pass)
      }
    }
  }

  private func startNextJob() {
    while let job = jobs.popLast() ?? backlogJobs.popLast() {
      guard let path = tree.path(of: job.directory) else {
        // Its rename, or that of one above, has been half told of.
        info[job.directory]?.isIncomplete = true
        finishJob(pass: job.pass)
        continue
      }
      do throws(FilesystemError) {
        let directory = try Directory(opening: path)
        // Something else may have been mounted there meanwhile.
        let status = try directory.searchableStatus()
        guard !admission.isExcluded(status.identity) else {
          finishJob(pass: job.pass)
          continue
        }
        let stream = try DirectoryStream(directory)
        active = ActiveScan(
          job: job, directory: directory, stream: stream, missing: tree.nodes[job.directory]?.children ?? [:])
        passes[job.pass]?.summary.directories += 1
        return
      } catch {
        switch error.code {
        case .notFound, .symlink, .notDirectory: info[job.directory]?.isIncomplete = true
        default: markUnreadable(job.directory, nil, error)
        }
        finishJob(pass: job.pass)
      }
    }
  }

  private func visit(_ entry: DirectoryEntry, _ scan: ActiveScan) {
    let parent = scan.job.directory
    var kind = entry.kind
    if kind == .unknown { kind = (try? scan.directory.status(of: entry.name).kind) ?? .unknown }
    if kind == .directory {
      scan.missing[entry.name] = nil
      guard let pass = passes[scan.job.pass], tree.isRecursive(parent) else { return }
      if let armed = arm(.child(of: parent, name: entry.name)), armed.isNew || pass.isDeep {
        addJob(armed.directory, pass: scan.job.pass)
      }
      return
    }
    passes[scan.job.pass]?.summary.files += 1
    guard kind == .regular, let pass = passes[scan.job.pass] else { return }
    var priority = pass.priority
    if let details = info[parent], isPolled(parent, details) {
      guard let identity = try? scan.directory.status(of: entry.name).identity else { return }
      scan.names.insert(entry.name)
      // Seen by an earlier scan and not changed since.
      if pass.summary.reason == .periodic, details.seen[entry.name] == identity { return }
    } else if let since = pass.liveSince, let status = try? scan.directory.status(of: entry.name),
      status.identity.changed >= since
    {
      priority = .live
    }
    note(entry.name, in: parent, .found, priority)
  }

  private func finishListing(_ scan: ActiveScan) {
    active = nil
    let parent = scan.job.directory
    markReadable(parent, nil)
    if let details = info[parent], isPolled(parent, details) {
      info[parent]?.seen = details.seen.filter { scan.names.contains($0.key) }
    }
    for (name, directory) in scan.missing where tree.directory(at: .child(of: parent, name: name)) == directory {
      // A directory that came while the listing went on need not be in it.
      if (try? scan.directory.status(of: name).kind) == .directory { continue }
      if let orphan = tree.detach(.child(of: parent, name: name)) { removeSubtree(orphan) }
    }
    finishJob(pass: scan.job.pass)
  }

  // MARK: Directories that inotify does not cover

  func isPolled(_ directory: DirectoryID, _ details: DirectoryInfo) -> Bool {
    details.networkPath != nil || tree.nodes[directory]?.watch == nil
  }

  private var polled: [DirectoryID] { info.compactMap { isPolled($0.key, $0.value) ? $0.key : nil } }

  var polledCount: Int { hasPolled ? polled.count : 0 }

  private var hasPolled: Bool { tree.watchCount < tree.nodes.count || networkDirectories > 0 }

  /// Brings the degradations and the timer for scans in line with what is covered.
  func updateCoverage() {
    let unwatched = tree.nodes.count - tree.watchCount
    if unwatched > 0 {
      degrade(
        "watch-limit", detail: "\(unwatched) of \(tree.nodes.count) directories have no inotify watch",
        remedy: "raise fs.inotify.max_user_watches with sysctl; until then they are scanned periodically")
    } else {
      recover("watch-limit")
    }
    if hasPolled {
      if nextPoll == nil { schedulePolling() }
    } else {
      nextPoll = nil
    }
  }

  private func schedulePolling() {
    nextPoll = hasPolled ? .now + timing.pollInterval : nil
  }

  func pollDirectories(now: Instant) {
    // Scheduled again when the pass is done, so that slow scans do not pile up.
    nextPoll = nil
    let directories = polled
    for directory in directories where tree.nodes[directory]?.watch == nil {
      if let place = tree.nodes[directory]?.places.first { _ = arm(place) }
    }
    startPass(.periodic, directories.filter { tree.nodes[$0] != nil }, priority: .live, isDeep: false)
  }
}
