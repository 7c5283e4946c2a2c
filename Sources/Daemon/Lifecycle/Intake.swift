import Cataloguing
import StayposCore
import Threading
import Watching

/// Brings what the watcher reports into the queue and the journal.
final class Intake: Sendable {
  private let context: PipelineContext
  private let wake: @Sendable () -> Void
  private let isStopping = Monitor(false)

  /// - Parameter wake: the queue has something new.
  init(context: PipelineContext, wake: @escaping @Sendable () -> Void) {
    self.context = context
    self.wake = wake
  }

  /// Ends a wait for the catalogue.
  func stop() {
    isStopping.update { $0 = true }
  }

  /// Called on the watcher's thread.
  func receive(_ report: WatchReport) {
    let events = context.events
    switch report {
    case .started(.fresh): break
    case .started(.resumed(let count)):
      events.record(
        Event(
          .watchStarted, .info,
          "took over the watches of the process before, \(count) directories: what happened meanwhile is known"))
    case .started(.refused(let reason)):
      events.record(
        Event(
          .watchStarted, .notice,
          "the watches of the process before are of no use (\(reason)): what happened meanwhile is found by the scan"))
    case .settled(let files):
      Failpoint.pass("admission.settled")
      let now = Timestamp.now
      let admissions = files.map {
        Cataloguing.Admission(path: $0.path, identity: $0.identity, priority: $0.priority)
      }
      patiently { () throws(CatalogueError) in _ = try context.catalogue.enqueue(admissions, at: now) }
      Failpoint.pass("admission.queued")
      wake()
    case .directoryRenamed(let from, let to):
      context.submissions.rename(from: from, to: to)
      var ended: [Int64] = []
      patiently { () throws(CatalogueError) in
        ended = try context.catalogue.renamePrefix(from: from, to: to).ended
      }
      for item in ended { context.noteEnd(of: item) }
    case .writerPending(let path, let since):
      let seconds = Int(Timestamp.now.interval(since: since) / .seconds(1))
      events.record(
        Event(.writerPending, .notice, "not scored yet: it has been written to for \(seconds) s", path: path))
    case .overflow(let since, let delay):
      let window = Int(Timestamp.now.interval(since: since) / .milliseconds(1))
      events.record(
        Event(
          .overflow, .warning,
          "the kernel dropped events of the last \(window) ms; everything is scanned again in \(delay)"))
    case .scanFinished(let summary):
      events.record(
        Event(
          .watchStarted, .info,
          "scan (\(summary.reason.rawValue)) finished: directories \(summary.directories), files \(summary.files)"))
    case .degraded(let degradation):
      context.degradations.insert(degradation)
    case .recovered(let degradation):
      context.degradations.remove(degradation)
    }
  }

  /// Holds the watcher's thread while the catalogue takes nothing: what the kernel drops meanwhile is found by the scan
  /// that follows an overflow, and what a stop interrupts by the scan of the next start.
  private func patiently(_ write: () throws(CatalogueError) -> Void) {
    while true {
      do {
        try write()
        context.degradations.clear("catalogue")
        return
      } catch {
        context.degradations.raise(
          "catalogue", error.message, remedy: "files wait until it works again", level: .error)
      }
      if isStopping.wait(timeout: .seconds(1), until: { $0 ? () : nil }) != nil { return }
    }
  }
}
