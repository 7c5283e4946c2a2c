import Filesystem
import StayposCore
import SystemPackage
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

  @Test("an image of the old model is not measured by the new model's threshold")
  func everyModelHasItsOwnThreshold() throws {
    let (old, new) = (try #require(Threshold(0.8)), try #require(Threshold(0.5)))
    var policy = PolicyState(modelThreshold: new, fileThreshold: nil, runtimeThreshold: nil, mode: .enforce)
    #expect(policy.threshold(for: old) == old)
    policy.fileThreshold = new
    #expect(policy.threshold(for: old) == new)
  }

  @Test(
    "what may pass is tried again", arguments: [Errno.tooManyOpenFiles, .tooManyOpenFilesInSystem, .ioError, .noMemory])
  func passingErrors(errno: Errno) {
    #expect(RetryPolicy.setback(after: FilesystemError(errno: errno, operation: "open")) == .unreadable)
    #expect(RetryPolicy.setback(after: FilesystemError(errno: .permissionDenied, operation: "open")) == nil)
  }

  @Test("waits for a writer leave the attempts for crashes as they were")
  func waitsAndCrashes() {
    let identity = FileIdentity(
      device: 1, inode: 1, birth: nil, size: 1, modified: Timestamp(nanoseconds: 0), changed: Timestamp(nanoseconds: 0))
    let item = QueueItem(
      id: 1, path: "/a", identity: identity, priority: .live, enqueued: Timestamp(nanoseconds: 0), attempts: 7, waits: 6
    )
    #expect(RetryPolicy.attempts(of: item, endingIn: .crash) == 2)
    #expect(RetryPolicy.attempts(of: item, endingIn: .unreadable) == 2)
    #expect(RetryPolicy.attempts(of: item, endingIn: .change) == 7)
    #expect(RetryPolicy.attempts(of: item, endingIn: .move) == 7)
  }

  @Test(arguments: [RetryPolicy.Setback.crash, .timeout, .memory, .change, .move, .gone, .unreadable])
  func everySetbackEnds(setback: RetryPolicy.Setback) {
    let attempts = (1...100).first { RetryPolicy.decision(after: setback, attempts: $0) == .giveUp }
    #expect(attempts != nil)
    #expect(attempts != 1, "one setback is no reason to give up")
  }
}
