import Cataloguing
import ControlInterface
import ControlServer
import Filesystem
import Quarantining
import StayposCore
import SystemPackage
import Watching

/// Answers the control socket: asks the stages, and changes policy, queue and quarantine through their own interfaces.
package final class DaemonControl: ControlService {
  let context: PipelineContext
  let pipeline: Pipeline
  let watcher: Watcher
  private let ownDirectories: [FilePath]
  private let reconfigure: @Sendable () throws(ControlFailure) -> Void
  let startedAt = Timestamp.now
  let started = ContinuousClock.now

  /// - Parameters:
  ///   - excluding: what the daemon itself writes to, wherever it lies.
  ///   - reconfigure: reads the configuration again and applies it.
  package init(
    context: PipelineContext, pipeline: Pipeline, watcher: Watcher, excluding: [FilePath],
    reconfigure: @escaping @Sendable () throws(ControlFailure) -> Void
  ) {
    self.context = context
    self.pipeline = pipeline
    self.watcher = watcher
    ownDirectories = excluding
    self.reconfigure = reconfigure
  }

  // MARK: Policy

  package func threshold() throws(ControlFailure) -> ThresholdState {
    let policy = context.policy
    return ThresholdState(value: policy.threshold, origin: policy.origin)
  }

  package func setThreshold(_ value: Threshold, by peer: Peer) throws(ControlFailure) -> ThresholdState {
    try changeThreshold(to: value, by: peer)
  }

  package func resetThreshold(by peer: Peer) throws(ControlFailure) -> ThresholdState {
    try changeThreshold(to: nil, by: peer)
  }

  private func changeThreshold(to value: Threshold?, by peer: Peer) throws(ControlFailure) -> ThresholdState {
    let before = context.policy
    // On the disk first: what is in force must survive a crash.
    try refusing { () throws(CatalogueError) in try context.catalogue.set(.threshold, to: value) }
    context.changePolicy { $0.runtimeThreshold = value }
    let now = context.policy
    context.events.record(
      Event(
        .thresholdChanged, .notice,
        "threshold \(before.threshold) (\(before.origin.rawValue)) is now \(now.threshold) (\(now.origin.rawValue))",
        threshold: now.threshold, peer: peer))
    return try threshold()
  }

  // MARK: Queue

  package func pause(by peer: Peer) throws(ControlFailure) {
    try setPaused(true, by: peer)
  }

  package func resume(by peer: Peer) throws(ControlFailure) {
    try setPaused(false, by: peer)
  }

  private func setPaused(_ isPaused: Bool, by peer: Peer) throws(ControlFailure) {
    guard pipeline.isPaused != isPaused else { return }
    try refusing { () throws(CatalogueError) in try context.catalogue.set(.paused, to: isPaused ? true : nil) }
    pipeline.setPaused(isPaused)
    context.events.record(
      isPaused
        ? Event(.paused, .notice, "scoring is paused; files wait in the queue", peer: peer)
        : Event(.resumed, .notice, "scoring goes on", peer: peer))
  }

  package func queue(after place: QueueItem?, limit: Int) throws(ControlFailure) -> Page<QueueItem, QueueItem> {
    let items = try refusing { () throws(CatalogueError) in
      try context.catalogue.queue(after: place, limit: limit).map(\.item)
    }
    return Page(items, next: items.count < limit ? nil : items.last)
  }

  package func rescan(_ path: FilePath?, by peer: Peer) throws(ControlFailure) {
    if let path { try requireWatched(path) }
    watcher.rescan(path)
  }

  package func submit(
    _ path: FilePath, waiting waiter: SubmissionWaiter?, by peer: Peer
  ) throws(ControlFailure) -> Int64 {
    // The quarantine takes no `.` and `..`; without symbolic links, which nobody follows, nothing is lost with them.
    let path = path.lexicallyNormalized()
    try requireWatched(path)
    let identity: FileIdentity
    do {
      identity = try RegularFile(opening: path).status.identity
    } catch {
      throw .refused("\(error)")
    }
    if let waiter { context.submissions.add(waiter, for: path) }
    let admission = Cataloguing.Admission(path: path, identity: identity, priority: .submitted, again: true)
    let outcome: AdmissionOutcome
    do {
      outcome = try context.catalogue.enqueue(admission, at: .now)
    } catch {
      context.submissions.fail(path, error.message)
      throw .refused(error.message)
    }
    Failpoint.pass("admission.submitted")
    pipeline.wake()
    switch outcome {
    case .queued(let id), .coalesced(let id): return id
    case .alreadyJudged: throw .refused("it has had its verdict: see `staypos-ctl history --path`")
    }
  }

  /// The daemon acts on what it watches and on nothing else, whoever asks.
  private func requireWatched(_ path: FilePath) throws(ControlFailure) {
    let path = path.lexicallyNormalized()
    guard path.isAbsolute, watcher.status.roots.contains(where: { path.starts(with: $0.path) }) else {
      throw .refused("\(path.escaped) is not below a watched directory")
    }
    try requireForeign(path)
  }

  /// What the daemon itself writes to may lie below a watched directory, and is nobody's upload.
  func requireForeign(_ path: FilePath) throws(ControlFailure) {
    let path = path.lexicallyNormalized()
    guard let own = ownDirectories.first(where: { path.starts(with: $0) }) else { return }
    throw .refused("\(path.escaped) lies inside the daemon's own directory \(own.escaped)")
  }

  // MARK: Allowlist

  package func allowlist() throws(ControlFailure) -> [AllowRecord] {
    try refusing { () throws(CatalogueError) in
      try context.catalogue.allowlist().map { AllowRecord(sha256: $0.sha256, note: $0.note, time: $0.time) }
    }
  }

  package func addAllow(_ digest: SHA256Digest, note: String, by peer: Peer) throws(ControlFailure) {
    let entry = AllowlistEntry(sha256: digest, note: note, uid: peer.uid, time: .now)
    let isNew = try refusing { () throws(CatalogueError) in try context.catalogue.allow(entry) }
    guard isNew else { return }
    context.events.record(
      Event(.allowlistChanged, .notice, "added to the allowlist: \(note)", sha256: digest, peer: peer))
  }

  package func removeAllow(_ digest: SHA256Digest, by peer: Peer) throws(ControlFailure) {
    let wasThere = try refusing { () throws(CatalogueError) in try context.catalogue.disallow(digest) }
    guard wasThere else { throw .notFound("\(digest) is not on the allowlist") }
    context.events.record(
      Event(.allowlistChanged, .notice, "removed from the allowlist", sha256: digest, peer: peer))
  }

  // MARK: Life

  package func reload(by peer: Peer) throws(ControlFailure) {
    try reconfigure()
  }

  package func accessDenied(_ method: ControlMethod, to peer: Peer) {
    context.events.record(
      Event(.accessDenied, .warning, "\(method.rawValue) refused: neither root nor in admin_group", peer: peer))
  }

  /// A failure of the catalogue as the client gets to know it.
  func refusing<Value>(_ body: () throws(CatalogueError) -> Value) throws(ControlFailure) -> Value {
    do {
      return try body()
    } catch {
      throw .refused(error.message)
    }
  }
}
