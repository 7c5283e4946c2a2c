import Cataloguing
import Quarantining
import StayposCore
import Threading

/// Deletes quarantined files whose time is over, each with a journal entry: evidence never goes silently.
final class Retention: Sendable {
  private struct State: Sendable {
    var days: Int
    var isStopping = false
    var changes = 0
  }

  private let context: PipelineContext
  private let state: Monitor<State>

  /// - Parameter days: 0 keeps everything.
  init(context: PipelineContext, days: Int) {
    self.context = context
    state = Monitor(State(days: days))
  }

  func setDays(_ days: Int) {
    state.update { state in
      state.days = days
      state.changes += 1
    }
  }

  func stop() {
    state.update { $0.isStopping = true }
  }

  /// Blocks until ``stop()``; sleeps from one due time to the next, at most a day.
  func run() {
    while true {
      let now = state.read { $0 }
      if now.isStopping { return }
      let pause: Duration? = now.days == 0 ? nil : deleteExpired(after: .seconds(now.days * 86_400))
      let isOver: Bool? = state.wait(timeout: pause) { state in
        state.isStopping || state.changes != now.changes ? state.isStopping : nil
      }
      if isOver == true { return }
    }
  }

  /// - Returns: how long it is until the next one is due.
  private func deleteExpired(after age: Duration) -> Duration {
    let day = Duration.seconds(86_400)
    do {
      var next = day
      for record in try context.quarantine.records().records {
        let left = record.time.advanced(by: age).interval(since: .now)
        guard left <= .zero else {
          next = min(next, left)
          continue
        }
        _ = try context.quarantine.delete(record.id, beforeForgetting: context.note)
        context.events.record(
          Event(
            .deleted, .notice, "deleted from the quarantine: older than retention_days", path: record.path,
            sha256: record.sha256, quarantineID: record.id))
      }
      context.degradations.clear("retention")
      return next
    } catch {
      context.degradations.raise("retention", "\(error)", remedy: "tried again within an hour")
      return .seconds(3600)
    }
  }
}
