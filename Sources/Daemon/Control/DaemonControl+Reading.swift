import Cataloguing
import ControlInterface
import ControlServer
import Glibc
import Scoring
import StayposCore
import Watching

extension DaemonControl {
  package func status() throws(ControlFailure) -> DaemonStatus {
    let totals = context.catalogue.totals
    let setup = pipeline.setup
    let policy = context.policy
    let watching = watcher.status
    // The watcher counts on after it has told of a degradation.
    let degradations = context.degradations.all.map { known in
      watching.degradations.first { $0.kind == known.kind && $0.since == known.since } ?? known
    }
    let missing = setup.sandbox.missing
    return DaemonStatus(
      version: StayposVersion.current,
      state: pipeline.isPaused ? .paused : degradations.isEmpty ? .ready : .degraded,
      pid: getpid(), startedAt: startedAt, now: startedAt.advanced(by: ContinuousClock.now - started),
      model: .init(name: setup.model.name, sha256: setup.model.sha256),
      threshold: .init(value: policy.threshold, origin: policy.origin), mode: policy.mode,
      queueDepth: totals.queue.waiting,
      // The clock may have been set back since.
      oldestQueuedSeconds: totals.queue.oldest.map { max(0, Timestamp.now.interval(since: $0) / .seconds(1)) },
      inFlight: totals.queue.leased,
      counts: .init(
        flagged: totals.verdicts.flagged, clear: totals.verdicts.clear, notScored: totals.verdicts.notScored),
      roots: watching.roots.map { .init(path: $0.path, state: $0.state.rawValue) }, watches: watching.watches,
      overflows: watching.overflows,
      pendingWriters: watching.pendingWriters.prefix(DaemonStatus.writerLimit).map {
        .init(path: $0.path, since: $0.since)
      },
      quarantine: .init(count: totals.quarantine.count, bytes: totals.quarantine.bytes),
      scorers: pipeline.workers.map { worker in
        let state = worker.scorer == nil ? "stopped" : worker.lastStep == nil ? "idle" : "scoring"
        return .init(pid: worker.scorer ?? 0, state: state, restarts: worker.restarts)
      },
      sandbox: missing.isEmpty ? "complete" : "without \(missing.joined(separator: ", "))",
      degradations: degradations)
  }

  package func history(_ query: HistoryQuery) throws(ControlFailure) -> Page<HistoryEntry, Int64> {
    let filter = HistoryFilter(
      path: query.path, verdict: query.verdict, since: query.since, beforeID: query.before)
    let page = try refusing { () throws(CatalogueError) in
      try context.catalogue.history(filter, limit: query.limit)
    }
    return Page(page.entries, next: page.next)
  }

  package func historyEntry(_ id: Int64) throws(ControlFailure) -> HistoryEntry? {
    try refusing { () throws(CatalogueError) in try context.catalogue.entry(id) }
  }
}
