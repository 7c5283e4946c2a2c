import Cataloguing
import Filesystem
import Hashing
import Quarantining
import Scoring
import StayposCore
import SystemPackage

/// Takes one queued file from its path to its verdict.
///
/// The path is used once, to open the file; everything after that concerns the open file, and whatever is moved is proven
/// to be it.
struct Judge {
  let context: PipelineContext
  let setup: ScoringSetup
  let item: QueueItem
  /// Called between the steps that may take long.
  let step: () -> Void
  /// Called when the catalogue does not take a verdict; waits a while. False: the daemon stops.
  let patience: (CatalogueError) -> Bool
  private let started = ContinuousClock.now

  init(
    context: PipelineContext, setup: ScoringSetup, item: QueueItem, step: @escaping () -> Void,
    patience: @escaping (CatalogueError) -> Bool
  ) {
    self.context = context
    self.setup = setup
    self.item = item
    self.step = step
    self.patience = patience
  }

  /// With the threshold at which the scan may stop.
  typealias Scoring = (borrowing Descriptor, Threshold?) -> ScorerResult
  /// Images whose file changes while it is scored are scored so often before they wait for a better time.
  private static let looks = 3

  /// - Returns: what kept the scorer from looking at the image, which waits in the queue then; nil if all went well.
  func run(_ scoring: Scoring) throws(CatalogueError) -> ScorerFailure? {
    guard context.isWatched(item) else {
      try withdrawUnwatched()
      return nil
    }
    guard !context.restorations.contains(item.path), !context.quarantine.isMoving(item.path) else {
      try context.release(item.id, after: .milliseconds(250))
      return nil
    }
    let file: RegularFile
    do {
      file = try RegularFile(opening: item.path)
    } catch {
      // The watcher may see a file that a move sets aside for a moment, or that one cut short has left for the next start to
      // remove: nobody has uploaded it. An upload of such a name may have another path by now, as any other may.
      if error.code == .notFound, Quarantine.isTemporary(item.path), RetryPolicy.isLast(item, endingIn: .gone) {
        try withdraw("it is gone")
        return nil
      }
      let entry = entry(.notScored(reason(error)), detail: error.message)
      if let setback = RetryPolicy.setback(after: error) {
        try setBack(setback, error.message, entry, identity: nil)
      } else {
        try finish(entry, identity: nil)
      }
      return nil
    }
    return try run(scoring, on: file)
  }

  private func run(_ scoring: Scoring, on file: borrowing RegularFile) throws(CatalogueError) -> ScorerFailure? {
    Failpoint.pass("scoring.opened")
    let identity = file.status.identity
    var entry = entry(.notScored(.unstable))
    entry.fileSize = identity.size

    guard identity.size <= setup.configuration.limits.bytes else {
      entry.verdict = .notScored(.tooLarge)
      entry.detail = "\(identity.size) bytes; the limit is \(setup.configuration.limits.bytes) (max_file_bytes)"
      try finish(entry, identity: identity)
      return nil
    }
    guard WriterLease.writer(of: file.descriptor) != .writerOpen else {
      try setBack(.change, "a writer has it open", file, entry)
      return nil
    }

    let digest: SHA256Digest?
    do {
      digest = try SHA256Digest(contentsOf: file.descriptor.rawValue, ofSize: identity.size)
    } catch {
      entry.verdict = .notScored(.ioError)
      try setBack(.unreadable, "cannot be read: \(error)", entry, identity: nil)
      return nil
    }
    guard let sha256 = digest else {
      try setBack(.change, "it changed while it was read", file, entry)
      return nil
    }
    entry.sha256 = sha256
    Failpoint.pass("scoring.hashed")
    step()

    // Renamed, linked or given other rights since its verdict: the bytes are the same, and so is the verdict.
    if item.priority != .submitted,
      try context.catalogue.judged(device: identity.device, inode: identity.inode, birth: identity.birth)?.sha256
        == sha256, try context.catalogue.touch(itemID: item.id, identity: identity)
    {
      context.noteEnd(of: item.id)
      return nil
    }

    // A worker that waited here could do nothing else, and content that hangs would hold up one after the other.
    guard context.contentsInWork.begin(sha256) else {
      try context.release(item.id, after: ContentsInWork.delay)
      return nil
    }
    defer { context.contentsInWork.end(sha256) }
    if try context.catalogue.isAllowed(sha256) {
      entry.allowed = true
      entry.verdict = .clear
      entry.detail = "on the allowlist"
      try conclude(entry, file, sha256)
      return nil
    }
    let outcome: ScoringOutcome
    switch try decide(on: file, sha256, scoring, &entry) {
    case .stable(let decisive): outcome = decisive
    case .failed(let failure): return try handle(failure, file, entry)
    case .changed:
      try setBack(.change, "it changed while it was scored", file, entry)
      return nil
    }
    step()

    entry.model = setup.model.sha256
    switch outcome {
    case .scored(let score, let size):
      entry.score = score
      entry.imageSize = size
      entry.verdict = entry.threshold.verdict(on: score)
    case .notScored(let reason, let detail):
      entry.verdict = .notScored(reason)
      entry.detail = detail
    }
    try conclude(entry, file, sha256)
    return nil
  }

  /// What decides at the threshold in force at the end, which goes into the entry: what is known of these bytes, or what
  /// the scorer says.
  private func decide(
    on file: borrowing RegularFile, _ sha256: SHA256Digest, _ scoring: Scoring, _ entry: inout HistoryEntry
  ) throws(CatalogueError) -> Look {
    // The threshold in force now, not when the file was queued; a model's own goes with its scores.
    func threshold() -> Threshold { context.policy.threshold(for: setup.model.threshold) }
    entry.threshold = threshold()
    // A lower bound may have been enough for another threshold only.
    if let known = try context.catalogue.cachedOutcome(sha256: sha256, model: setup.model.sha256),
      known.decides(at: entry.threshold)
    {
      entry.cached = true
      return .stable(known)
    }
    let first = look(at: file, sha256, stoppingAt: setup.earlyExit ? entry.threshold : nil, scoring)
    entry.threshold = threshold()
    guard case .stable(let outcome) = first, !outcome.decides(at: entry.threshold) else { return first }
    // The threshold was raised during the scan. Only all of the image decides at every one.
    let second = look(at: file, sha256, stoppingAt: nil, scoring)
    entry.threshold = threshold()
    return second
  }

  private enum Look {
    case stable(ScoringOutcome)
    case changed
    case failed(ScorerFailure)
  }

  /// What the scorer says of these very bytes. A writer could swap others in while it reads, and the old ones back:
  /// the digest would be the same, but ctime is not, which nobody can set. A new name or mode changes it too, so such a
  /// file is only scored again.
  ///
  /// A page that is written through a map changes ctime once, and then not before it was written back. So a status counts
  /// only if there was no writer at some moment after it: then every later change shows.
  private func look(
    at file: borrowing RegularFile, _ sha256: SHA256Digest, stoppingAt threshold: Threshold?, _ scoring: Scoring
  ) -> Look {
    var before = file.status.identity
    for _ in 0..<Self.looks {
      let outcome: ScoringOutcome
      switch scoring(file.descriptor, threshold) {
      case .outcome(let fresh, _): outcome = fresh
      case .failed(let failure): return .failed(failure)
      }
      step()
      guard let after = try? file.descriptor.status().identity else { return .changed }
      if after == before { return .stable(outcome) }
      // Whoever could change the bytes through a map without another change of ctime has it open.
      guard WriterLease.writer(of: file.descriptor) != .writerOpen, holds(file, sha256)
      else { return .changed }
      before = after
    }
    return .changed
  }

  private func holds(_ file: borrowing RegularFile, _ sha256: SHA256Digest) -> Bool {
    (try? SHA256Digest(contentsOf: file.descriptor.rawValue, ofSize: file.status.identity.size)) == sha256
  }

  /// The verdict holds only for the bytes that were read: if they are not the file's any more, the file comes again.
  private func conclude(
    _ entry: HistoryEntry, _ file: borrowing RegularFile, _ sha256: SHA256Digest
  ) throws(CatalogueError) {
    Failpoint.pass("verdict.decided")
    guard context.isWatched(item) else { return try withdrawUnwatched() }
    let status: FileStatus
    do {
      status = try file.descriptor.status()
    } catch {
      return try setBack(.change, error.message, file, entry)
    }
    let isMoved = entry.verdict == .flagged && context.policy.mode == .enforce
    if status.identity != file.status.identity {
      // Later changes show in ctime again only if nobody has it open by now. What is moved away need not wait for that.
      guard isMoved || WriterLease.writer(of: file.descriptor) != .writerOpen else {
        return try setBack(.change, "a writer has it open", file, entry)
      }
      // A new name or mode changes ctime too: only the bytes themselves can tell.
      guard holds(file, sha256) else {
        return try setBack(.change, "it changed while it was scored", file, entry)
      }
    }
    if isMoved {
      try quarantine(entry, file, status)
    } else {
      try finish(entry, identity: status.identity)
    }
  }

  /// Its directory was taken out of the configuration while it was queued.
  private func withdrawUnwatched() throws(CatalogueError) {
    try withdraw("it is not watched any more")
    context.events.record(
      Event(.withdrawn, .notice, "not judged: the configuration does not have it watched any more", path: item.path))
  }

  /// Ends its way without a verdict.
  private func withdraw(_ reason: String) throws(CatalogueError) {
    try context.catalogue.withdraw(item.id)
    context.noteEnd(of: item.id)
    context.submissions.fail(item.path, reason)
  }

  private func handle(
    _ failure: ScorerFailure, _ file: borrowing RegularFile, _ entry: HistoryEntry
  ) throws(CatalogueError) -> ScorerFailure? {
    let setback: RetryPolicy.Setback
    switch failure {
    case .crashed, .protocolViolation: setback = .crash
    case .timedOut: setback = .timeout
    case .outOfMemory: setback = .memory
    case .couldNotStart, .modelRejected, .interrupted:
      try context.release(item.id, after: .zero)
      return failure
    }
    context.events.record(
      Event(.scorerFailed, .warning, failure.description, path: item.path, sha256: entry.sha256))
    var entry = entry
    entry.model = setup.model.sha256
    entry.verdict = .notScored(failure.reason ?? .decoderCrashed)
    try setBack(setback, failure.description, file, entry)
    return nil
  }

  /// Puts the file back into the queue, or, if that was often enough, gives `entry`'s verdict.
  func setBack(
    _ setback: RetryPolicy.Setback, _ detail: String, _ file: borrowing RegularFile, _ entry: HistoryEntry
  ) throws(CatalogueError) {
    try setBack(setback, detail, entry, identity: setback == .change ? nil : file.status.identity)
  }

  /// - Parameter identity: see ``finish(_:identity:quarantined:)``.
  private func setBack(
    _ setback: RetryPolicy.Setback, _ detail: String, _ entry: HistoryEntry, identity: FileIdentity?
  ) throws(CatalogueError) {
    let attempts = RetryPolicy.attempts(of: item, endingIn: setback)
    switch RetryPolicy.decision(after: setback, attempts: attempts) {
    case .retry(let delay):
      try context.release(item.id, after: delay, countAttempt: true, isWait: setback.isWait)
    case .giveUp:
      var entry = entry
      if setback == .change { entry.verdict = .notScored(.unstable) }
      entry.detail = detail
      try finish(entry, identity: identity)
    }
  }

  /// Records the verdict, as soon as the catalogue takes it: it stands, and what was moved is moved.
  ///
  /// - Parameter identity: nil if the file is gone, or is to be looked at again when it is met again.
  func finish(
    _ entry: HistoryEntry, identity: FileIdentity?, quarantined record: QuarantineRecord? = nil
  ) throws(CatalogueError) {
    try writeDown(entry, identity: identity, ending: item.id, quarantined: record)
    context.noteEnd(of: item.id)
  }

  /// - Parameter itemID: nil if the file keeps its place in the queue.
  func writeDown(
    _ entry: HistoryEntry, identity: FileIdentity?, ending itemID: Int64?, quarantined record: QuarantineRecord? = nil
  ) throws(CatalogueError) {
    var entry = entry
    entry.time = .now
    entry.duration = ContinuousClock.now - started
    var recorded: HistoryEntry?
    while recorded == nil {
      do {
        recorded = try context.catalogue.complete(
          itemID: itemID, entry: entry, identity: identity,
          quarantined: record.map { (QuarantineSummary($0), $0.identity) })
      } catch {
        // No time mends what makes no sense, and the other files must not wait for it; but what is gone from its place
        // would come back as vanished.
        guard error.code != .invalid || record != nil, patience(error) else { throw error }
      }
    }
    guard let recorded else { return }
    Failpoint.pass("verdict.recorded")
    context.events.record(Event(verdictOn: recorded))
    Failpoint.pass("verdict.told")
    context.submissions.complete(recorded, queuedAs: item.path)
  }

  private func entry(_ verdict: Verdict, detail: String? = nil) -> HistoryEntry {
    HistoryEntry(
      time: .now, path: item.path, verdict: verdict, detail: detail,
      threshold: context.policy.threshold(for: setup.model.threshold), duration: .zero)
  }

  private func reason(_ error: FilesystemError) -> NotScoredReason {
    switch error.code {
    case .notFound, .notDirectory, .symlink, .wrongKind: .vanished
    case .permissionDenied: .permissionDenied
    default: .ioError
    }
  }
}

extension ScoringOutcome {
  fileprivate func decides(at threshold: Threshold) -> Bool {
    switch self {
    case .scored(let score, _): threshold.isDecided(by: score)
    case .notScored: true
    }
  }
}
