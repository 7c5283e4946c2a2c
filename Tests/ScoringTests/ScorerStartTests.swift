import Filesystem
import Glibc
import Scoring
import StayposCore
import SystemPackage
import Testing

@Suite(.serialized)
struct ScorerStartTests {
  @Test func aMissingExecutableIsNamed() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox") { $0.executable = "/nowhere/staypos-scorer" }
    let failure = scorer.failure(try harness.image("score"))
    guard case .couldNotStart(let message) = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    #expect(message.contains("/nowhere/staypos-scorer"))
    #expect(message.contains("No such file"))
  }

  @Test func aDeathBeforeTheGreetingIsAFailedStart() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("crash-at-start")
    #expect(scorer.failure(try harness.image("score")) == .couldNotStart("it was ended by SIGABRT before it was ready"))
  }

  @Test func aHangBeforeTheGreetingIsAFailedStart() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("hang-at-start") { $0.startTimeout = .milliseconds(100) }
    guard case .couldNotStart = scorer.failure(try harness.image("score")) else {
      Issue.record("not noticed")
      return
    }
  }

  @Test func aRejectedModelSaysWhyInOneLine() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("reject")
    #expect(scorer.failure(try harness.image("score")) == .modelRejected("this model\u{FFFD}is no model"))
  }

  @Test func failedStartsAreSpacedOut() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("reject")
    let image = try harness.image("score")
    let start = ContinuousClock.now
    for _ in 0..<3 { _ = scorer.score(image) }
    // 250 ms before the second attempt and 500 ms before the third.
    #expect(ContinuousClock.now - start >= .milliseconds(750))
  }

  @Test func aWaitBeforeTheNextAttemptCanBeInterrupted() throws {
    let harness = try ScorerHarness()
    let interruption = try ScorerInterruption()
    let scorer = try harness.scorer("reject", interruption: interruption)
    let image = try harness.image("score")
    for _ in 0..<2 { _ = scorer.score(image) }
    let start = ContinuousClock.now
    let other = TestThread { interruption.request() }
    #expect(scorer.failure(image) == .interrupted)
    #expect(ContinuousClock.now - start < .milliseconds(500))
    other.join()
  }

  @Test func aReplacedModelFileIsNotLoadedByARestart() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox")
    let hello = try scorer.start()
    scorer.stop()
    let replacement = try harness.write("sandbox another".utf8, to: "replacement")
    #expect(rename(replacement.string, harness.directory.appending("model").string) == 0)
    #expect(try scorer.start() == hello)
  }

  @Test func aModelFileThatWasChangedInPlaceIsRejected() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox")
    try scorer.start()
    scorer.stop()
    _ = try harness.write("sandbox another".utf8, to: "model")
    guard case .modelRejected = scorer.failure(try harness.image("score")) else {
      Issue.record("not noticed")
      return
    }
  }

  @Test func modelSourceTakesLinksToFilesOnly() throws {
    let harness = try ScorerHarness()
    let model = try harness.write("sandbox".utf8, to: "model")
    let link = harness.directory.appending("link")
    #expect(symlink(model.string, link.string) == 0)
    #expect(throws: Never.self) { try ModelSource(path: link) }
    #expect(throws: FilesystemError.self) { try ModelSource(path: harness.directory) }
    #expect(throws: FilesystemError.self) { try ModelSource(path: harness.directory.appending("nothing")) }
    unlink(link.string)
    #expect(mkfifo(link.string, 0o600) == 0)
    #expect(throws: FilesystemError.self) { try ModelSource(path: link) }
  }
}
