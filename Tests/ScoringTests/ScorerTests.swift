import Filesystem
import Glibc
import Scoring
import StayposCore
import Synchronization
import SystemPackage
import Testing

/// The daemon's side against real child processes.
@Suite(.serialized)
struct ScorerTests {
  private let good = ScoringOutcome.scored(
    Score(realScore: 0, fakeScore: 1, bias: 0), size: ImageSize(width: 2, height: 2))

  @Test func answersOneImageAfterTheOtherFromOneChild() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox")
    #expect(scorer.processIdentifier == nil)
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
    let process = scorer.processIdentifier
    #expect(process != nil)
    for _ in 0..<50 { #expect(scorer.expectOutcome(try harness.image("score")) == good) }
    #expect(scorer.processIdentifier == process)
    #expect(
      scorer.expectOutcome(try harness.image("whatever"))
        == .notScored(.unsupportedFormat, detail: "no such attempt: whatever"))
  }

  @Test func helloSaysWhatIsLoadedAndWhichWallsStand() throws {
    let harness = try ScorerHarness()
    let hello = try harness.scorer("sandbox").start()
    #expect(hello.model.name == "sandbox")
    #expect(hello.model.threshold == Threshold(0.5))
    #expect(hello.sandbox.privilegesDropped)
    #expect(hello.sandbox.seccomp)
  }

  @Test func crashCostsOneAttempt() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox")
    #expect(scorer.failure(try harness.image("abort")) == .crashed(.signal(SIGABRT)))
    #expect(scorer.failure(try harness.image("exit")) == .crashed(.status(7)))
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
  }

  /// Code that has been taken over could forge the journal, or steer a terminal.
  @Test func standardErrorIsNotTheDaemonsButASayInTheFailure() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox")
    let failure = try #require(scorer.failure(try harness.image("say <0>forged \u{1B}[31m\nand more")))
    #expect(failure == .crashed(.signal(SIGABRT), lastWords: "say <0>forged \u{FFFD}[31m; and more"))
    #expect(failure.description == "the scorer was ended by SIGABRT: say <0>forged \u{FFFD}[31m; and more")
    guard case .crashed(.signal(SIGABRT), let lastWords?) = scorer.failure(try harness.image("babble")) else {
      Issue.record("hangs, or has nothing to say")
      return
    }
    #expect(lastWords.count == 512)
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
  }

  @Test func theRequestSaysWithHowManyThreads() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("good") { $0.threads = 4 }
    let image = try harness.image("request")
    for (wanted, said) in [(1, 1), (3, 3), (nil, 4)] as [(Int?, Int)] {
      #expect(scorer.score(image, threads: wanted).detail == "\(said) threads")
    }
  }

  /// What nobody has asked for is no answer.
  @Test func aBoundThatNobodyAskedForBreaksTheProtocol() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("good")
    let image = try harness.image("bound")
    guard case .outcome(.scored(let score, _), _) = scorer.score(image, stoppingAt: Threshold(0.5)) else {
      Issue.record("not taken")
      return
    }
    #expect(score.isLowerBound)
    for threshold in [nil, Threshold(0.9)] {
      guard case .failed(.protocolViolation) = scorer.score(image, stoppingAt: threshold) else {
        Issue.record("taken at \(threshold?.description ?? "none")")
        continue
      }
    }
  }

  @Test func processorsAreThoseThatOneMayRunOn() throws {
    // (thread, bytes, set); Swift's module of the C library leaves them out.
    typealias Call = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> CInt
    let get = unsafeBitCast(try #require(dlsym(nil, "sched_getaffinity")), to: Call.self)
    let set = unsafeBitCast(try #require(dlsym(nil, "sched_setaffinity")), to: Call.self)
    let counts = Mutex<[Int]>([])
    let thread = TestThread {
      var processors = [UInt64](repeating: 0, count: 16)
      _ = get(0, 128, &processors)
      counts.withLock { $0 = [processors.reduce(0) { $0 + $1.nonzeroBitCount }, Processors.available] }
      // The first of them alone.
      guard let first = processors.firstIndex(where: { $0 != 0 }) else { return }
      var one = [UInt64](repeating: 0, count: 16)
      one[first] = processors[first] & (~processors[first] + 1)
      _ = set(0, 128, &one)
      counts.withLock { $0.append(Processors.available) }
    }
    thread.join()
    let found = counts.withLock { $0 }
    #expect(found.count == 3 && found[0] == found[1] && found.last == 1, "\(found)")
  }

  @Test(.timeLimit(.minutes(15))) func segmentationFaultWhileScoring() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("plain")
    try scorer.start()
    let process = try #require(scorer.processIdentifier)
    let killer = TestThread {
      _ = eventually { processState(process) == "T" }
      kill(process, SIGSEGV)
      kill(process, SIGCONT)
    }
    #expect(scorer.failure(try harness.image("stop")) == .crashed(.signal(SIGSEGV)))
    killer.join()
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
  }

  @Test func deathWhileIdleIsNoFaultOfTheNextImage() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox")
    try scorer.start()
    let process = try #require(scorer.processIdentifier)
    kill(process, SIGKILL)
    #expect(eventually { processState(process) == "Z" })
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
    #expect(scorer.processIdentifier != process)
  }

  @Test(arguments: ["hang", "stop"]) func hangEndsAtTheTimeout(order: String) throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("plain") { $0.timeout = .milliseconds(200) }
    try scorer.start()
    let process = try #require(scorer.processIdentifier)
    let start = ContinuousClock.now
    #expect(scorer.failure(try harness.image(order)) == .timedOut(after: .milliseconds(200)))
    #expect(ContinuousClock.now - start >= .milliseconds(200))
    #expect(processState(process) == nil)
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
  }

  @Test func liesAndChatterEndTheScorer() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("plain")
    for order in ["lie", "chatter", "smuggle", "flood", "close"] {
      let failure = scorer.failure(try harness.image(order))
      guard case .protocolViolation = failure else {
        Issue.record("\(order): \(String(describing: failure))")
        continue
      }
      #expect(scorer.processIdentifier == nil, "\(order)")
      #expect(scorer.expectOutcome(try harness.image("score")) == good, "after \(order)")
    }
  }

  @Test func aSecondReplyIsNotTakenForTheNextImage() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("plain")
    #expect(scorer.expectOutcome(try harness.image("double")) == .notScored(.corrupt, detail: "first"))
    guard case .protocolViolation = scorer.failure(try harness.image("score")) else {
      Issue.record("taken")
      return
    }
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
  }

  @Test func memoryLimitHolds() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox") { $0.memoryLimit = 128 << 20 }
    #expect(scorer.expectOutcome(try harness.image("grow \(64 << 20)")) == .notScored(.corrupt, detail: "grown"))
    #expect(scorer.expectOutcome(try harness.image("grow \(256 << 20)")) == .notScored(.outOfMemory, detail: "malloc"))
    #expect(scorer.failure(try harness.image("kill-self")) == .outOfMemory(.signal(SIGKILL)))
  }

  @Test func aScorerThatHasGrownIsReplaced() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox") { $0.growthLimit = 100 << 20 }
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
    #expect(scorer.processIdentifier != nil)
    #expect(scorer.expectOutcome(try harness.image("grow \(128 << 20)")) == .notScored(.corrupt, detail: "grown"))
    #expect(scorer.processIdentifier == nil)
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
  }

  /// What a large model takes is no growth.
  @Test func aScorerOfALargeModelStays() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("heavy sandbox") { $0.growthLimit = 100 << 20 }
    let good = scorer.expectOutcome(try harness.image("score"))
    let process = try #require(scorer.processIdentifier)
    #expect(scorer.expectOutcome(try harness.image("score")) == good)
    #expect(scorer.processIdentifier == process)
    #expect(scorer.expectOutcome(try harness.image("grow \(128 << 20)")) == .notScored(.corrupt, detail: "grown"))
    #expect(scorer.processIdentifier == nil)
  }

  @Test(.timeLimit(.minutes(15))) func interruptionEndsWorkFromAnotherThread() throws {
    let harness = try ScorerHarness()
    let interruption = try ScorerInterruption()
    let scorer = try harness.scorer("plain", interruption: interruption)
    try scorer.start()
    let process = try #require(scorer.processIdentifier)
    let other = TestThread {
      _ = eventually { processState(process) == "T" }
      interruption.request()
    }
    #expect(scorer.failure(try harness.image("stop")) == .interrupted)
    other.join()
    #expect(processState(process) == nil)
    #expect(scorer.failure(try harness.image("score")) == .interrupted)
  }

  @Test func theChildDiesWithTheThreadThatStartedIt() throws {
    let harness = try ScorerHarness()
    nonisolated(unsafe) let scorer = try harness.scorer("sandbox")
    let thread = TestThread { _ = try? scorer.start() }
    thread.join()
    let process = try #require(scorer.processIdentifier)
    #expect(eventually { processState(process) == "Z" })
  }

  @Test func theChildGetsNothingElse() throws {
    let harness = try ScorerHarness()
    // Inheritable on purpose.
    let leak = Descriptor(owning: dup(STDERR_FILENO))
    let scorer = try harness.scorer("plain")
    // Standard streams, socket, model, image.
    #expect(scorer.expectOutcome(try harness.image("descriptors")) == .notScored(.corrupt, detail: "0 1 2 3 4 5"))
    #expect(fcntl(leak.rawValue, F_GETFD) == 0)
  }

  @Test func hundredRestartsLeaveNothingBehind() throws {
    let harness = try ScorerHarness()
    let scorer = try harness.scorer("sandbox")
    try scorer.start()
    scorer.stop()
    let before = openDescriptorCount()
    for _ in 0..<100 {
      try scorer.start()
      let process = try #require(scorer.processIdentifier)
      scorer.stop()
      #expect(processState(process) == nil)
    }
    // Tests beside this one open some too, but not one for each restart.
    #expect(openDescriptorCount() - before < 50)
  }

  private func openDescriptorCount() -> Int {
    (0..<CInt(4096)).count { fcntl($0, F_GETFD) >= 0 }
  }
}

extension ScorerResult {
  fileprivate var detail: String? {
    if case .outcome(.notScored(_, let detail), _) = self { detail } else { nil }
  }
}
