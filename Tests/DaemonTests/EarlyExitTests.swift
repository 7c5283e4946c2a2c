import Cataloguing
import Glibc
import Quarantining
import StayposCore
import Testing

@testable import Daemon

/// A scan that stops early gives a lower bound: enough at the threshold that it was made for, and maybe not at another.
@Suite struct EarlyExitTests {
  let harness: JudgeHarness

  init() throws {
    harness = try JudgeHarness()
    harness.setup.earlyExit = true
    harness.context.changePolicy { $0.mode = .observe }
  }

  /// Of every image here, with the probability 0.88.
  private static let full = Score(realScore: 0, fakeScore: 4, bias: -2)

  /// What a scan that may stop at a threshold gives: as much evidence as that takes, if there is so much.
  private func scan(stoppingAt threshold: Threshold?) throws -> ScoringOutcome {
    let size = ImageSize(width: 8, height: 8)
    guard let threshold else { return .scored(Self.full, size: size) }
    let needed = log(threshold.value / (1 - threshold.value)) - Self.full.bias + 0.001
    guard needed < Self.full.fakeScore else { return .scored(Self.full, size: size) }
    return .scored(Score(realScore: 0, fakeScore: needed, bias: Self.full.bias, isLowerBound: true), size: size)
  }

  private func set(_ value: Double) throws {
    let threshold = try #require(Threshold(value))
    harness.context.changePolicy { $0.runtimeThreshold = threshold }
  }

  private func last() throws -> HistoryEntry {
    try #require(try harness.context.catalogue.history(limit: 1).entries.first)
  }

  @Test("the scan stops at the threshold in force, and what it gives is written down as a bound")
  func bound() throws {
    try set(0.25)
    var asked: [Threshold?] = []
    try harness.judge(harness.upload("a.png", "a")) { threshold in
      asked.append(threshold)
      return try scan(stoppingAt: threshold)
    }
    #expect(asked == [Threshold(0.25)])
    let entry = try last()
    #expect(entry.verdict == .flagged && entry.threshold == Threshold(0.25))
    let score = try #require(entry.score)
    #expect(score.isLowerBound && score.probability > 0.25 && score.probability < 0.26)
  }

  @Test("a bound is used again where it flags, and only there")
  func reuse() throws {
    var asked: [Threshold?] = []
    func judge(_ name: String, at value: Double) throws -> HistoryEntry {
      try set(value)
      try harness.judge(harness.upload(name, "the same bytes")) { threshold in
        asked.append(threshold)
        return try scan(stoppingAt: threshold)
      }
      return try last()
    }
    #expect(try judge("a.png", at: 0.5).cached == false)
    // Lower, and just as high.
    for value in [0.25, 0.5] {
      let entry = try judge("b\(value).png", at: value)
      #expect(entry.cached && entry.verdict == .flagged && entry.score?.isLowerBound == true)
    }
    #expect(asked == [Threshold(0.5)])
    // Higher: the bound for 0.5 says nothing.
    let higher = try judge("c.png", at: 0.75)
    #expect(!higher.cached && higher.verdict == .flagged && higher.score?.isLowerBound == true)
    #expect(asked == [Threshold(0.5), Threshold(0.75)])
    // Above what there is: clear, with the full score.
    let clear = try judge("d.png", at: 0.9)
    #expect(!clear.cached && clear.verdict == .clear && clear.score == Self.full)
    #expect(asked.count == 3)
    // From now on that is known.
    for value in [0.95, 0.75, 0.25] {
      let entry = try judge("e\(value).png", at: value)
      #expect(entry.cached && entry.score == Self.full)
      #expect(entry.verdict == (value > 0.88 ? .clear : .flagged))
    }
    #expect(asked.count == 3)
  }

  @Test("a threshold that rises during the scan gets the full score", arguments: [0.75, 0.95])
  func raised(to value: Double) throws {
    try set(0.25)
    var asked: [Threshold?] = []
    try harness.judge(harness.upload("a.png", "a")) { threshold in
      asked.append(threshold)
      // Again and again: no race with it is lost.
      try set(asked.count == 1 ? 0.5 : value)
      return try scan(stoppingAt: threshold)
    }
    #expect(asked == [Threshold(0.25), nil])
    let entry = try last()
    #expect(entry.score == Self.full && entry.threshold == Threshold(value))
    #expect(entry.verdict == (value > 0.88 ? .clear : .flagged))
  }

  @Test("one that falls during the scan is reached all the more")
  func lowered() throws {
    try set(0.75)
    var asked = 0
    try harness.judge(harness.upload("a.png", "a")) { threshold in
      asked += 1
      try set(0.25)
      return try scan(stoppingAt: threshold)
    }
    #expect(asked == 1)
    let entry = try last()
    #expect(entry.verdict == .flagged && entry.threshold == Threshold(0.25) && entry.score?.isLowerBound == true)
  }

  @Test("without early_exit no scan may stop")
  func off() throws {
    harness.setup.earlyExit = false
    var asked: [Threshold?] = []
    try harness.judge(harness.upload("a.png", "a")) { threshold in
      asked.append(threshold)
      return try scan(stoppingAt: threshold)
    }
    #expect(asked == [nil])
    #expect(try last().score == Self.full)
  }

  @Test("the quarantine's record and index say that it is a bound")
  func quarantined() throws {
    harness.context.changePolicy { $0.mode = .enforce }
    try set(0.5)
    try harness.judge(harness.upload("a.png", "a")) { try scan(stoppingAt: $0) }
    let id = try #require(try last().quarantineID)
    #expect(try harness.context.quarantine.record(id).score.isLowerBound)
    #expect(try harness.context.catalogue.quarantined(id)?.score?.isLowerBound == true)
  }
}
