import Filesystem
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Watching

@Suite struct SettlerTests {
  typealias Instant = ContinuousClock.Instant

  /// A clock that tests move, and the settler under it. The file system's clock is the same one unless told otherwise.
  struct Bench {
    var timing = WatchTiming()
    var settler: Settler
    let start = Instant.now
    var elapsed = Duration.zero
    let file = WatchedName(directory: DirectoryID(value: 1), name: "file")

    init() {
      settler = Settler(timing: timing)
    }

    var now: Instant { start + elapsed }
    var time: Timestamp { Timestamp(nanoseconds: 1_000_000_000_000_000).advanced(by: elapsed) }

    func identity(_ inode: UInt64 = 7, changedAt elapsed: Duration, size: Int64 = 100) -> FileIdentity {
      let changed = Timestamp(nanoseconds: 1_000_000_000_000_000).advanced(by: elapsed)
      return FileIdentity(device: 1, inode: inode, birth: nil, size: size, modified: changed, changed: changed)
    }

    mutating func note(_ trigger: Settler.Trigger, _ priority: QueuePriority = .live, settle: Duration = .seconds(1)) {
      settler.note(file, trigger, priority: priority, settle: settle, at: now, time: time)
    }

    /// Moves the clock to the next deadline and answers the probe.
    mutating func step(_ observe: (Bench) -> Settler.Observation) -> Settler.Decision? {
      while let deadline = settler.nextDeadline {
        if deadline > now { elapsed = deadline - start }
        if let due = settler.due(at: now, limit: 1).first {
          return settler.resolve(due, observe(self), at: now, time: time)
        }
      }
      return nil
    }
  }

  @Test func settlesOnceAfterTheSettleTime() {
    var bench = Bench()
    bench.note(.created)
    bench.elapsed = .milliseconds(400)
    bench.note(.closed)
    let identity = bench.identity(changedAt: .milliseconds(400))
    #expect(bench.step { _ in .present(identity, links: 1, writer: .noWriter) } == .settled(identity, .live))
    #expect(bench.elapsed == .milliseconds(1400))
    #expect(bench.settler.count == 0)
    #expect(bench.settler.nextDeadline == nil)
  }

  @Test func aGapShorterThanTheSettleTimeIsNoEnd() {
    var bench = Bench()
    for turn in 0..<5 {
      bench.elapsed = .milliseconds(900 * turn)
      bench.note(.closed)
      #expect(bench.settler.due(at: bench.now, limit: 10).isEmpty)
    }
    let identity = bench.identity(changedAt: .milliseconds(3600))
    #expect(bench.step { _ in .present(identity, links: 1, writer: .noWriter) } == .settled(identity, .live))
    #expect(bench.elapsed == .milliseconds(4600))
  }

  @Test func anOpenWriterIsNeverSettledAndReportedOnceAndInTime() {
    var bench = Bench()
    let start = bench.time
    bench.note(.created)
    var reports: [Duration] = []
    var probes = 0
    while bench.elapsed < .seconds(3600) {
      probes += 1
      switch bench.step({ .present($0.identity(changedAt: $0.elapsed), links: 1, writer: .writerOpen) }) {
      case .writerPending(let since):
        #expect(since == start)
        reports.append(bench.elapsed)
      case .wait: break
      case let other: Issue.record("\(String(describing: other))")
      }
    }
    #expect(reports == [.seconds(60)])
    // Back-off: about one look every half minute.
    #expect(probes < 140)
    bench.note(.closed)
    let closed = bench.elapsed
    let identity = bench.identity(changedAt: closed)
    #expect(bench.step { _ in .present(identity, links: 1, writer: .noWriter) } == .settled(identity, .live))
    #expect(bench.elapsed == closed + .seconds(1))
  }

  @Test func aFileThatKeepsChangingIsReportedToo() {
    var bench = Bench()
    bench.note(.closed)
    var reported: [Duration] = []
    var settled: Duration?
    // No event tells of a change of times or rights.
    while settled == nil, bench.elapsed < .seconds(3600) {
      switch bench.step({ .present($0.identity(changedAt: $0.elapsed), links: 1, writer: .noWriter) }) {
      case .writerPending: reported.append(bench.elapsed)
      case .settled: settled = bench.elapsed
      case .wait: break
      case let other:
        Issue.record("\(String(describing: other))")
        return
      }
    }
    #expect(reported == [.seconds(60)])
    #expect(settled == .seconds(600))
    #expect(bench.settler.count == 0)
  }

  /// Whoever touches a file more often than it settles cannot hide it, and makes little work.
  @Test(arguments: [Duration.seconds(1), .seconds(1200)])
  func aFileThatIsTouchedForEverIsSettledAgainAndAgain(settle: Duration) {
    var bench = Bench()
    var (reported, settled, probes): ([Duration], [Duration], Int) = ([], [], 0)
    while bench.elapsed < .seconds(2900) {
      bench.note(.closed, settle: settle)
      bench.elapsed += .milliseconds(400)
      for file in bench.settler.due(at: bench.now, limit: 10) {
        probes += 1
        let touched = bench.identity(changedAt: bench.elapsed)
        switch bench.settler.resolve(
          file, .present(touched, links: 1, writer: .noWriter), at: bench.now, time: bench.time)
        {
        case .writerPending: reported.append(bench.elapsed)
        case .settled: settled.append(bench.elapsed)
        case .wait, .drop: break
        }
      }
    }
    let patience = max(settle, bench.timing.changePatience)
    #expect(settled.count == (settle < patience ? 4 : 2))
    for (one, next) in zip([.zero] + settled, settled) { #expect(next - one < patience + .seconds(2)) }
    #expect(reported.count == (settle < patience ? 5 : 0))
    #expect(probes < 20)
  }

  @Test func withoutKnowledgeOfWritersAHardLinkOrAClosedFileIsComplete() {
    for (trigger, links) in [(Settler.Trigger.created, UInt64(2)), (.closed, 1), (.movedIn, 1)] {
      var bench = Bench()
      bench.note(trigger)
      let identity = bench.identity(changedAt: .seconds(-100))
      #expect(bench.step { _ in .present(identity, links: links, writer: .unknown) } == .settled(identity, .live))
      #expect(bench.elapsed == .seconds(1))
    }
  }

  @Test func withoutKnowledgeOfWritersACreatedFileHasToWaitForItsClose() {
    var bench = Bench()
    bench.note(.created)
    let identity = bench.identity(changedAt: .zero)
    var decisions: [Settler.Decision] = []
    while bench.settler.count > 0, let decision = bench.step({ _ in .present(identity, links: 1, writer: .unknown) }) {
      if decision != .wait { decisions.append(decision) }
    }
    #expect(
      decisions == [.writerPending(since: bench.time.advanced(by: .zero - bench.elapsed)), .settled(identity, .live)])
    #expect(bench.elapsed == bench.timing.unknownWriterPatience)
  }

  /// The clock of a file server may be wrong: then two looks have to agree.
  @Test(arguments: [-3600, 3600])
  func aForeignClockOnlyCostsTime(skew: Int) throws {
    var bench = Bench()
    bench.note(.closed)
    var size: Int64 = 1
    var probes = 0
    var decision: Settler.Decision?
    repeat {
      probes += 1
      // It grows until the third look.
      if probes <= 3 { size += 1 }
      let identity = bench.identity(changedAt: .seconds(skew + Int(size)), size: size)
      decision = bench.step { _ in .present(identity, links: 1, writer: .noWriter) }
    } while decision == .wait
    guard case .settled(let identity, _) = try #require(decision) else {
      Issue.record("not settled")
      return
    }
    // A clock that is behind makes everything look old: the close event is what counts then.
    #expect(skew < 0 || identity.size == 4)
  }

  @Test func aNameThatIsGoneIsLookedForTwice() {
    var bench = Bench()
    bench.note(.closed)
    #expect(bench.step { _ in .gone } == .wait)
    let identity = bench.identity(changedAt: .zero)
    #expect(bench.step { _ in .present(identity, links: 1, writer: .noWriter) } == .settled(identity, .live))
    bench.note(.closed)
    #expect(bench.step { _ in .gone } == .wait)
    #expect(bench.step { _ in .gone } == .drop)
    #expect(bench.settler.nextDeadline == nil)
  }

  @Test func aScanNeitherHurriesNorDelaysWhatEventsSaid() {
    var bench = Bench()
    bench.note(.created)
    bench.note(.found, .backlog)
    #expect(bench.settler.due(at: bench.now, limit: 1).isEmpty)
    let identity = bench.identity(changedAt: .zero)
    #expect(bench.step { _ in .present(identity, links: 1, writer: .noWriter) } == .settled(identity, .live))
    #expect(bench.elapsed == .seconds(1))
    bench.note(.found, .backlog)
    #expect(bench.step { _ in .present(identity, links: 1, writer: .noWriter) } == .settled(identity, .backlog))
    #expect(bench.elapsed == .seconds(1))
  }

  @Test func forgottenDirectoriesLeaveNothing() {
    var bench = Bench()
    bench.note(.created)
    bench.settler.remove(directories: [bench.file.directory])
    #expect(bench.settler.count == 0)
    #expect(bench.step { _ in .gone } == nil)
  }

  /// Whatever happens: never settled while a writer is open or before the settle time is over, settled exactly once
  /// after the last event, and the next deadline is never late.
  @Test(arguments: 0..<200)
  func randomHistories(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var bench = Bench()
    let settle = Duration.milliseconds(Int.random(in: 1...2000, using: &random))
    var lastEvent = Duration.zero
    var settled = 0
    var isOpen = false
    for _ in 0..<Int.random(in: 1...30, using: &random) {
      bench.elapsed += .milliseconds(Int.random(in: 0...3000, using: &random))
      lastEvent = bench.elapsed
      isOpen = Bool.random(using: &random)
      bench.note(isOpen ? .created : .closed, settle: settle)
      settled = 0
      let pause = bench.elapsed + .milliseconds(Int.random(in: 0...4000, using: &random))
      while let deadline = bench.settler.nextDeadline, deadline <= bench.start + pause {
        let identity = bench.identity(changedAt: lastEvent)
        let decision = bench.step { _ in .present(identity, links: 1, writer: isOpen ? .writerOpen : .noWriter) }
        if case .settled = decision {
          settled += 1
          #expect(!isOpen, "seed \(seed)")
          #expect(bench.elapsed - lastEvent >= settle, "seed \(seed)")
        }
      }
      bench.elapsed = max(bench.elapsed, pause)
    }
    if isOpen { bench.note(.closed, settle: settle) }
    let identity = bench.identity(changedAt: lastEvent)
    while let decision = bench.step({ _ in .present(identity, links: 1, writer: .noWriter) }) {
      if case .settled = decision { settled += 1 }
    }
    #expect(settled == 1, "seed \(seed)")
    #expect(bench.settler.count == 0, "seed \(seed)")
  }
}
