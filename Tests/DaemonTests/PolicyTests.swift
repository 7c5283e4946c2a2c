import StayposCore
import Testing

@testable import Daemon

@Suite struct PolicyTests {
  @Test func laterOriginsWin() throws {
    let model = try #require(Threshold(0.8))
    let file = try #require(Threshold(0.5))
    let runtime = try #require(Threshold(0.2))
    var policy = PolicyState(modelThreshold: model, fileThreshold: nil, runtimeThreshold: nil, mode: .enforce)
    #expect(policy.threshold == model)
    #expect(policy.origin == .model)
    policy.fileThreshold = file
    #expect(policy.threshold == file)
    #expect(policy.origin == .file)
    policy.runtimeThreshold = runtime
    #expect(policy.threshold == runtime)
    #expect(policy.origin == .runtime)
    policy.runtimeThreshold = nil
    #expect(policy.threshold == file)
  }

  @Test(arguments: [RetryPolicy.Setback.crash, .timeout, .memory, .change, .move, .gone])
  func everySetbackEnds(setback: RetryPolicy.Setback) {
    let attempts = (1...100).first { RetryPolicy.decision(after: setback, attempts: $0) == .giveUp }
    #expect(attempts != nil)
    #expect(attempts != 1, "one setback is no reason to give up")
  }
}
