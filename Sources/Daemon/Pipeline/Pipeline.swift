import Cataloguing
import Scoring
import StayposCore
import Synchronization
import Threading

/// The workers: each takes one file after the other from the queue to its verdict, with a scorer process of its own.
package final class Pipeline: Sendable {
  struct State: Sendable {
    var isStopping = false
    var isPaused: Bool
    var setup: ScoringSetup
    /// Counts what may have put something into the queue: a worker that finds nothing waits for the next number.
    var changes = 0
    var workers: [WorkerState]
    var running = 0
  }

  let context: PipelineContext
  let state: Monitor<State>
  private let interruption: ScorerInterruption
  private let threads = Mutex<[DedicatedThread]>([])
  /// Longest time that a graceful stop waits for images in work.
  private static let patience: Duration = .seconds(10)

  /// - Parameter workers: at least 1.
  package init(context: PipelineContext, setup: ScoringSetup, workers: Int, isPaused: Bool) throws(StartError) {
    self.context = context
    do {
      interruption = try ScorerInterruption()
    } catch {
      throw StartError("\(error)")
    }
    state = Monitor(
      State(isPaused: isPaused, setup: setup, workers: Array(repeating: WorkerState(), count: workers)))
    context.setWake { [state] in state.update { $0.changes += 1 } }
  }

  package func start() {
    let count = state.update { state in
      state.running = state.workers.count
      return state.workers.count
    }
    for index in 0..<count {
      let thread = DedicatedThread(name: "worker-\(index)") { [self] in
        Worker(index: index, pipeline: self, interruption: interruption).run()
        state.update { $0.running -= 1 }
      }
      threads.withLock { $0.append(thread) }
    }
  }

  /// Lets images in work come to their verdicts, for a while; what is not done by then goes back into the queue. Blocks.
  package func stop() {
    state.update { $0.isStopping = true }
    if state.wait(timeout: Self.patience, until: { $0.running == 0 ? () : nil }) == nil {
      interruption.request()
    }
    let threads = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in threads { thread.join() }
    context.submissions.failAll("the daemon stops; the file stays in the queue")
  }

  /// The queue may have something new.
  package func wake() {
    state.update { $0.changes += 1 }
  }

  package func setPaused(_ isPaused: Bool) {
    state.update { state in
      state.isPaused = isPaused
      state.changes += 1
    }
  }

  package func replaceSetup(_ setup: ScoringSetup) {
    state.update { state in
      state.setup = setup
      state.changes += 1
    }
  }

  package var isPaused: Bool { state.read { $0.isPaused } }
  package var setup: ScoringSetup { state.read { $0.setup } }
  package var workers: [WorkerState] { state.read { $0.workers } }

  /// Whether a worker has made no step for longer than any step may take.
  package func isWedged(at now: ContinuousClock.Instant = .now) -> Bool {
    state.read { state in
      // Hashing and moving a file at its largest come on top of the scoring itself.
      let limit = state.setup.configuration.timeout + state.setup.configuration.startTimeout + .seconds(60)
      return state.workers.contains { worker in worker.lastStep.map { now - $0 > limit } ?? false }
    }
  }
}

/// What one worker is doing, for `status` and the watchdog.
package struct WorkerState: Sendable {
  /// Of its scorer; nil while none runs.
  package var scorer: Int32?
  package var restarts = 0
  /// When it last made a step of its work; nil while it waits for work.
  package var lastStep: ContinuousClock.Instant?
}
