import Cataloguing
import Scoring
import StayposCore
import Threading

/// One thread's share of the work.
struct Worker {
  let index: Int
  let pipeline: Pipeline
  let interruption: ScorerInterruption

  private enum Turn {
    case stop
    case item(QueueItem, ScoringSetup)
  }

  /// Returns when the pipeline stops.
  func run() {
    var setup = pipeline.setup
    var scorer = Scorer(setup.configuration, model: setup.source, interruption: interruption)
    defer { scorer.stop() }
    // Before the first image, so that it need not wait for the model.
    report(start(scorer))
    while case .item(let item, let current) = next() {
      if current.generation != setup.generation {
        scorer.stop()
        setup = current
        scorer = Scorer(setup.configuration, model: setup.source, interruption: interruption)
      }
      let before = scorer.processIdentifier
      let judge = Judge(
        context: pipeline.context, setup: setup, item: item, step: step, patience: waitForCatalogue(after:))
      do {
        report(try judge.run { scorer.score($0, stoppingAt: $1, threads: threads(setup)) })
        pipeline.context.degradations.clear("catalogue")
      } catch {
        handBack(item, after: error)
      }
      note(scorer.processIdentifier, before: before)
    }
  }

  /// Blocks until there is something to do; nothing wakes it in between.
  private func next() -> Turn {
    let context = pipeline.context
    var hasFailed = false
    while true {
      let go = pipeline.state.wait { state -> (stop: Bool, setup: ScoringSetup, changes: Int)? in
        state.workers[index].lastStep = nil
        return state.isStopping || !state.isPaused ? (state.isStopping, state.setup, state.changes) : nil
      }
      guard let go, !go.stop else { return .stop }
      var pause: Duration?
      do {
        if let item = try context.catalogue.lease(now: .steady) {
          Failpoint.pass("queue.leased")
          step()
          return .item(item, go.setup)
        }
        pause = try context.catalogue.nextReady().map { $0.interval(since: .steady) }
        // That it can be read says nothing about a full disk: only what failed here is over.
        if hasFailed { context.degradations.clear("catalogue") }
        hasFailed = false
      } catch {
        hasFailed = true
        context.degradations.raise("catalogue", error.message, remedy: "files wait until it works again", level: .error)
        pause = .seconds(5)
      }
      _ = pipeline.state.wait(timeout: pause) { state in
        state.isStopping || state.changes != go.changes ? () : nil
      }
    }
  }

  /// All that a scorer may have for an image that is alone, so that its verdict comes soon. One if others are in work or
  /// wait: several images are scored faster side by side.
  private func threads(_ setup: ScoringSetup) -> Int {
    let maximum = setup.configuration.threads
    guard maximum > 1 else { return 1 }
    let isAlone = pipeline.state.read { state in
      state.workers.indices.allSatisfy { $0 == index || state.workers[$0].lastStep == nil }
    }
    guard isAlone else { return 1 }
    // If the queue does not answer, the next step will tell.
    let ready = try? pipeline.context.catalogue.nextReady()
    return ready.map { $0 <= .steady } == true ? 1 : maximum
  }

  private func start(_ scorer: Scorer) -> ScorerFailure? {
    do {
      try scorer.start()
      note(scorer.processIdentifier, before: nil)
      return nil
    } catch {
      return error
    }
  }

  /// - Parameter failure: what kept the scorer from looking at an image at all; nil if it did.
  private func report(_ failure: ScorerFailure?) {
    guard failure != .interrupted else { return }
    if let failure {
      pipeline.context.degradations.raise(
        "scorer", failure.description, remedy: "files wait until a scorer can be started", level: .error)
    } else {
      pipeline.context.degradations.clear("scorer")
    }
  }

  /// Something kept the file from its verdict: it keeps its place in the queue. Until it is released nobody else takes it,
  /// so this goes on until the catalogue works again.
  private func handBack(_ item: QueueItem, after error: CatalogueError) {
    let context = pipeline.context
    var error = error
    while true {
      let goesOn = waitForCatalogue(after: error)
      do {
        try context.release(item.id, after: .zero)
        return
      } catch let failure {
        error = failure
      }
      guard goesOn else {
        // Leases end with the process: the next start finds it waiting.
        context.events.record(Event(.internalError, .error, error.message, path: item.path))
        return
      }
    }
  }

  /// - Returns: false if the daemon stops.
  private func waitForCatalogue(after error: CatalogueError) -> Bool {
    pipeline.context.degradations.raise(
      "catalogue", error.message, remedy: "files wait until it works again", level: .error)
    // Waiting is no wedge: a restart would not mend a full disk.
    step()
    return pipeline.state.wait(timeout: .seconds(5)) { $0.isStopping ? () : nil } == nil
  }

  private func step() {
    pipeline.state.update { $0.workers[index].lastStep = .now }
  }

  private func note(_ scorer: Int32?, before: Int32?) {
    pipeline.state.update { state in
      state.workers[index].scorer = scorer
      if before != nil, scorer != before { state.workers[index].restarts += 1 }
    }
  }
}
