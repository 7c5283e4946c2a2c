import Scoring
import StayposCore
import Testing
import Threading

@testable import Daemon

/// Whether the service manager hears that all is well.
@Suite struct WatchdogTests {
  @Test("Pitfall 62: a worker without a step for longer than any may take is wedged; one that waits or goes on is not")
  func wedged() throws {
    let harness = try JudgeHarness()
    let pipeline = try Pipeline(context: harness.context, setup: harness.setup, workers: 2, isPaused: false)
    let now = ContinuousClock.now
    let configuration = harness.setup.configuration
    let longest = configuration.timeout + configuration.startTimeout
    // Nobody works: however long.
    #expect(!pipeline.isWedged(at: now + .seconds(1_000_000)))
    pipeline.state.update { $0.workers[1].lastStep = now }
    #expect(!pipeline.isWedged(at: now + longest))
    #expect(pipeline.isWedged(at: now + longest + .seconds(61)))
    // A slow file that goes on: every step starts the time again.
    pipeline.state.update { $0.workers[1].lastStep = now + longest }
    #expect(!pipeline.isWedged(at: now + longest + .seconds(61)))
    pipeline.state.update { $0.workers[1].lastStep = nil }
    #expect(!pipeline.isWedged(at: now + .seconds(1_000_000)))
  }
}
