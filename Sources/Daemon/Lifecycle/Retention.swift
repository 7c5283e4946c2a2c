import Cataloguing
import Quarantining
import StayposCore
import Threading

/// Deletes quarantined files whose time is over, each with a journal entry: evidence never goes silently. Forgets old
/// verdicts.
final class Retention: Sendable {
  struct Limits: Sendable, Equatable {
    /// Of quarantined files; 0 keeps everything.
    var quarantineDays: Int
    /// Of the history; 0 keeps everything.
    var historyDays: Int
  }

  private struct State: Sendable {
    var limits: Limits
    var isStopping = false
    var changes = 0
  }

  private static let day = Duration.seconds(86_400)
  private static let pauseAfterFailure = Duration.seconds(3600)

  private let context: PipelineContext
  private let state: Monitor<State>

  init(context: PipelineContext, limits: Limits) {
    self.context = context
    state = Monitor(State(limits: limits))
  }

  func setLimits(_ limits: Limits) {
    state.update { state in
      state.limits = limits
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
      var pause: Duration?
      if now.limits.quarantineDays > 0 { pause = deleteExpired(after: Self.day * now.limits.quarantineDays) }
      if now.limits.historyDays > 0 {
        let next = forgetVerdicts(after: Self.day * now.limits.historyDays)
        pause = min(pause ?? next, next)
      }
      let isOver: Bool? = state.wait(timeout: pause) { state in
        state.isStopping || state.changes != now.changes ? state.isStopping : nil
      }
      if isOver == true { return }
    }
  }

  private var isStopping: Bool { state.read { $0.isStopping } }

  /// One that cannot be deleted keeps none of the others.
  ///
  /// - Returns: how long it is until the next one is due.
  func deleteExpired(after age: Duration) -> Duration {
    var next = Self.day
    var failures = 0
    var last = ""
    do throws(QuarantineError) {
      // The oldest first; one record in memory at a time.
      for id in try context.quarantine.identifiers() {
        if isStopping { return .zero }
        // What cannot be read is told of at the start, and is for people to look at.
        guard let record = try? context.quarantine.record(id), record.state != .restoring else { continue }
        let left = record.time.advanced(by: age).interval(since: .now)
        guard left <= .zero else {
          next = min(next, left)
          break
        }
        Failpoint.pass("retention.due")
        do throws(QuarantineError) {
          _ = try context.quarantine.delete(id, beforeForgetting: context.note)
          Failpoint.pass("retention.deleted")
          context.events.record(
            Event(
              .deleted, .notice, "deleted from the quarantine: older than retention_days", path: record.path,
              sha256: record.sha256, quarantineID: id))
        } catch {
          failures += 1
          last = error.description
        }
      }
    } catch {
      failures += 1
      last = error.description
    }
    guard failures > 0 else {
      context.degradations.clear("retention")
      return next
    }
    context.degradations.raise(
      "retention", "\(failures) could not be deleted from the quarantine; the last because: \(last)",
      remedy: "tried again within an hour")
    return min(next, Self.pauseAfterFailure)
  }

  /// - Returns: how long it is until the next look.
  func forgetVerdicts(after age: Duration) -> Duration {
    let limit = Timestamp.now.advanced(by: .zero - age)
    do throws(CatalogueError) {
      // In pieces, between which files get their verdicts.
      var isDone = false
      while !isDone, !isStopping { isDone = try context.catalogue.prune(olderThan: limit, limit: 1000) < 1000 }
      context.degradations.clear("history")
      return Self.day
    } catch {
      context.degradations.raise("history", error.message, remedy: "tried again within an hour")
      return Self.pauseAfterFailure
    }
  }
}
