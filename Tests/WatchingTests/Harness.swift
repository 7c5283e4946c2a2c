import Filesystem
import Glibc
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Threading
import Watching

/// A watcher on a private directory and everything that it has reported.
final class Harness: Sendable {
  struct Reports: Sendable {
    var settled: [SettledFile] = []
    var pending: [FilePath] = []
    var renames: [[FilePath]] = []
    var scans: [ScanSummary] = []
    var degraded: [String] = []
    var recovered: [String] = []
    var overflows = 0
    var starts: [WatchStart] = []
    /// How often each path came.
    var counts: [FilePath: Int] = [:]
    /// While true the watcher's thread is held in its report.
    var isHeld = false
    /// It is there.
    var isBlocked = false

    func count(_ path: FilePath) -> Int { counts[path, default: 0] }
  }

  static let timing: WatchTiming = {
    var timing = WatchTiming()
    timing.writerDeadline = .milliseconds(250)
    timing.recheckMaximum = .milliseconds(100)
    timing.unknownWriterPatience = .seconds(1)
    timing.goneGrace = .milliseconds(30)
    timing.moveGrace = .milliseconds(100)
    timing.pollInterval = .milliseconds(100)
    timing.rescanDelay = .milliseconds(50)
    timing.mapInterval = .milliseconds(10)
    return timing
  }()

  let temporary: TemporaryDirectory
  let watcher: Watcher
  private let reports: Monitor<Reports>

  /// - Parameters:
  ///   - roots: names in the private directory; empty: the directory itself.
  ///   - temporary: a directory that is there already.
  ///   - prepare: runs before the watcher starts.
  init(
    parent: FilePath = "/tmp", roots: [WatchRoot]? = nil, excluding: [String] = [],
    settle: Duration = .milliseconds(25), watchLimit: Int? = nil, in temporary: TemporaryDirectory? = nil,
    store: KeptDescriptors? = nil, unreadableInterval: Duration? = nil,
    prepare: (TemporaryDirectory) throws -> Void = { _ in }
  ) throws {
    let temporary = temporary ?? TemporaryDirectory(in: parent)
    let reports = Monitor(Reports())
    try prepare(temporary)
    let roots = (roots ?? [WatchRoot(path: "")]).map { root in
      WatchRoot(
        path: temporary.path.pushing(root.path), recursive: root.recursive, include: root.include, settle: settle)
    }
    var timing = Self.timing
    if let unreadableInterval { timing.unreadableInterval = unreadableInterval }
    watcher = try Watcher(
      roots: roots, excluding: excluding.map { temporary.path($0) }, timing: timing, store: store
    ) { report in
      reports.update { $0.take(report) }
      if reports.read({ $0.isHeld }) {
        reports.update { $0.isBlocked = true }
        _ = reports.wait { $0.isHeld ? nil : true }
      }
    }
    self.temporary = temporary
    self.reports = reports
    if let watchLimit { watcher.limitWatches(to: watchLimit) }
    watcher.start()
    #expect(wait { $0.scans.contains { $0.reason == .start } }, "the first scan ends")
  }

  deinit {
    release()
    watcher.stop()
  }

  var path: FilePath { temporary.path }

  /// Waits until the reports are as they should be.
  func wait(_ timeout: Duration = .seconds(20), until condition: (Reports) -> Bool) -> Bool {
    reports.wait(timeout: timeout) { condition($0) ? true : nil } ?? false
  }

  /// Looks again and again at what comes without a report.
  func eventually(within timeout: Duration = .seconds(20), _ condition: (WatchStatus) -> Bool) -> Bool {
    let end = ContinuousClock.Instant.now + timeout
    while ContinuousClock.Instant.now < end {
      if condition(watcher.status) { return true }
      _ = wait(.milliseconds(5)) { _ in false }
    }
    return false
  }

  /// Whether the loop makes no turn for so long. Somebody else's mount wakes it: then it may try again.
  func isIdle(for time: Duration) -> Bool {
    for _ in 0..<10 {
      guard eventually({ $0.pendingFiles == 0 && !$0.isScanning }) else { return false }
      let before = watcher.status.wakeups
      _ = wait(time) { _ in false }
      if watcher.status.wakeups == before { return true }
    }
    return false
  }

  func waitForSettled(_ paths: FilePath..., count: Int = 1) -> Bool {
    wait { reports in paths.allSatisfy { reports.count($0) >= count } }
  }

  /// Everything that was done before this call has been reported when it returns, if it is going to be.
  func drain() {
    // Twice the settle time and the second look at names that are gone lie between two such files.
    for _ in 0..<3 {
      let sentinel = temporary.write("end", to: "sentinel-\(UInt64.random(in: 0 ... .max))")
      #expect(waitForSettled(sentinel))
    }
  }

  func snapshot() -> Reports { reports.read { $0 } }

  /// Keeps the watcher's thread in its next report until ``release()``.
  func hold() { reports.update { $0.isHeld = true } }

  func release() { reports.update { $0.isHeld = false } }

  /// Reported with one content: a file that is closed just when it settles may come twice with the same identity, which
  /// the queue sees.
  func expectOnce(_ path: FilePath, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(waitForSettled(path), "\(path.escaped) settles", sourceLocation: sourceLocation)
    drain()
    let identities = Set(snapshot().settled.filter { $0.path == path }.map(\.identity))
    #expect(identities.count == 1, "\(path.escaped) once", sourceLocation: sourceLocation)
  }

  func expectSettled(_ path: FilePath, priority: QueuePriority, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(waitForSettled(path), "\(path.escaped) settles", sourceLocation: sourceLocation)
    let settled = snapshot().settled.first { $0.path == path }
    #expect(settled?.priority == priority, sourceLocation: sourceLocation)
  }

  func move(_ from: FilePath, _ to: FilePath, sourceLocation: SourceLocation = #_sourceLocation) {
    let result = from.withPlatformString { from in to.withPlatformString { rename(from, $0) } }
    #expect(result == 0, "rename \(from) to \(to)", sourceLocation: sourceLocation)
  }
}

extension Harness.Reports {
  mutating func take(_ report: WatchReport) {
    switch report {
    case .started(let start): starts.append(start)
    case .settled(let files):
      settled += files
      for file in files { counts[file.path, default: 0] += 1 }
    case .writerPending(let path, _): pending.append(path)
    case .overflow: overflows += 1
    case .directoryRenamed(let from, let to): renames.append([from, to])
    case .scanFinished(let summary): scans.append(summary)
    case .degraded(let degradation): degraded.append(degradation.kind)
    case .recovered(let degradation): recovered.append(degradation.kind)
    }
  }
}
