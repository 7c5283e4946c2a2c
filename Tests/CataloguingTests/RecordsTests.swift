import Cataloguing
import Foundation
import StayposCore
import SystemPackage
import TestSupport
import Testing

@Suite struct RecordsTests {
  let directory: TemporaryDirectory
  let catalogue: Catalogue

  init() throws {
    directory = TemporaryDirectory()
    catalogue = try Catalogue(directory: directory.path)
  }

  @Test func historyGivesBackEveryField() throws {
    let odd = try #require(FilePath(bytes: Array("/up/".utf8) + [0xC3, 0x28, 0x0A]))
    var full = entry(odd, .flagged)
    full.quarantineID = QuarantineID(at: time(100))
    full.detail = "left in place"
    full.cached = true
    full.allowed = true
    full.score = Score(realScore: -0.1, fakeScore: 1e300, bias: -.leastNonzeroMagnitude)
    let bare = HistoryEntry(
      time: time(101), path: "/up/gone", verdict: .notScored(.vanished), threshold: half, duration: .nanoseconds(1))
    full = try catalogue.complete(itemID: nil, entry: full, identity: nil)
    let stored = try catalogue.complete(itemID: nil, entry: bare, identity: nil)
    #expect(try catalogue.entry(#require(full.id)) == full)
    #expect(try catalogue.history(limit: 9).entries == [stored, full])
    #expect(try catalogue.entry(99) == nil)
  }

  @Test func historyFiltersAndPages() throws {
    let paths: [FilePath] = ["/up/a/1", "/up/ab/2", "/up/a", "/up/a/b/3"]
    let verdicts: [Verdict] = [.clear, .flagged, .notScored(.corrupt), .flagged]
    for (index, path) in paths.enumerated() {
      _ = try catalogue.complete(itemID: nil, entry: entry(path, verdicts[index], at: Int64(index)), identity: nil)
    }
    func ids(_ filter: HistoryFilter, limit: Int = 9) throws -> [Int64?] {
      try catalogue.history(filter, limit: limit).entries.map(\.id)
    }
    #expect(try ids(HistoryFilter()) == [4, 3, 2, 1])
    #expect(try ids(HistoryFilter(), limit: 2) == [4, 3])
    #expect(try ids(HistoryFilter(beforeID: 3)) == [2, 1])
    #expect(try ids(HistoryFilter(path: "/up/a")) == [4, 3, 1])
    #expect(try ids(HistoryFilter(path: "/up/a/")) == [4, 3, 1])
    #expect(try ids(HistoryFilter(path: "/")) == [4, 3, 2, 1])
    #expect(try ids(HistoryFilter(verdict: .flagged)) == [4, 2])
    #expect(try ids(HistoryFilter(verdict: .notScored)) == [3])
    #expect(try ids(HistoryFilter(since: time(2))) == [4, 3])
    #expect(try ids(HistoryFilter(path: "/up/a", verdict: .flagged, since: time(1), beforeID: 5)) == [4])
  }

  /// However little a filter finds, a page looks at so many rows for each condition and no more.
  @Test func historyIsLookedThroughInPieces() throws {
    for index in 1...60 {
      let path = FilePath("/up/\(index % 2 == 0 ? "a" : "b")/\(index)")
      let verdict: Verdict = index % 4 < 2 ? .clear : .flagged
      _ = try catalogue.complete(itemID: nil, entry: entry(path, verdict, at: Int64(index)), identity: nil)
    }
    // The oldest are forgotten.
    #expect(try catalogue.prune(olderThan: time(21), limit: 99) == 20)
    let filters = [
      HistoryFilter(), HistoryFilter(path: "/up"), HistoryFilter(path: "/up/a", verdict: .flagged),
      HistoryFilter(path: "/up/b", verdict: .clear, since: time(30)), HistoryFilter(since: time(58)),
      HistoryFilter(path: "/up/a/44"), HistoryFilter(verdict: .notScored),
      HistoryFilter(path: "/up/c", verdict: .clear), HistoryFilter(verdict: .clear, beforeID: 40),
    ]
    for filter in filters {
      let all = try catalogue.history(filter, limit: 99)
      #expect(all.next == nil)
      for (limit, reach) in [(99, 7), (3, 7), (3, 100), (1, 1)] {
        var found: [HistoryEntry] = []
        var filter = filter
        repeat {
          let page = try catalogue.history(filter, limit: limit, reach: Int64(reach))
          #expect(page.entries.count <= limit)
          found += page.entries
          filter.beforeID = page.next
        } while filter.beforeID != nil
        #expect(found == all.entries)
      }
    }
    // Few rows meet one of the conditions: no search. Many meet each, and the newest do not meet both: a piece of it.
    let none = try catalogue.history(HistoryFilter(path: "/up/b", verdict: .clear, since: time(60)), limit: 9, reach: 7)
    #expect(none.entries.isEmpty && none.next == nil)
    let rare = HistoryFilter(path: "/up/a", verdict: .clear, beforeID: 24)
    let first = try catalogue.history(rare, limit: 9, reach: 1)
    #expect(first.entries.isEmpty && first.next == 23)
  }

  @Test func pruningKeepsCountsAndJudgements() throws {
    _ = try catalogue.complete(itemID: nil, entry: entry("/up/1", .clear, at: 1), identity: identity(inode: 1))
    _ = try catalogue.complete(itemID: nil, entry: entry("/up/2", .flagged, at: 2), identity: identity(inode: 2))
    _ = try catalogue.complete(itemID: nil, entry: entry("/up/3", .notScored(.timeout), at: 3), identity: nil)
    #expect(try catalogue.prune(olderThan: time(2), limit: 9) == 1)
    #expect(try catalogue.history(limit: 9).entries.map(\.path) == ["/up/3", "/up/2"])
    #expect(catalogue.totals.verdicts == VerdictCounts(flagged: 1, clear: 1, notScored: 1))
    #expect(try catalogue.admit("/up/1", inode: 1) == .alreadyJudged)
    let known = identity(inode: 1)
    let judgement = try #require(try catalogue.judged(device: known.device, inode: 1, birth: known.birth))
    #expect(judgement.historyID == nil)
    #expect(judgement.verdict == nil)
  }

  @Test func cacheIsKeyedByContentAndModel() throws {
    let scored = entry("/up/1", .flagged, sha256: digest(1))
    _ = try catalogue.complete(itemID: nil, entry: scored, identity: nil)
    #expect(
      try catalogue.cachedOutcome(sha256: digest(1), model: digest(9))
        == .scored(#require(scored.score), size: ImageSize(width: 3, height: 4)))
    #expect(try catalogue.cachedOutcome(sha256: digest(1), model: digest(8)) == nil)
    #expect(try catalogue.cachedOutcome(sha256: digest(2), model: digest(9)) == nil)
  }

  @Test func cachePrefersAScoreToABound() throws {
    let score = Score(realScore: 0, fakeScore: 4, bias: -1)
    let bound = Score(realScore: 0, fakeScore: 3, bias: -1, isLowerBound: true)
    for known in [bound, score, bound] {
      var flagged = entry("/up/1", .flagged, sha256: digest(1))
      flagged.score = known
      _ = try catalogue.complete(itemID: nil, entry: flagged, identity: nil)
      #expect(try catalogue.history(limit: 1).entries.first?.score == known)
      let first = try catalogue.history(limit: 9).entries.count == 1
      #expect(
        try catalogue.cachedOutcome(sha256: digest(1), model: digest(9))
          == .scored(first ? bound : score, size: ImageSize(width: 3, height: 4)))
    }
  }

  @Test func cacheHasOnlyReasonsThatStay() throws {
    for (byte, reason) in NotScoredReason.allCases.enumerated() {
      var failed = entry("/up/x", .notScored(reason), sha256: digest(UInt8(byte)))
      failed.detail = "because"
      _ = try catalogue.complete(itemID: nil, entry: failed, identity: nil)
      let stays: Set<NotScoredReason> = [.empty, .unsupportedFormat, .corrupt, .truncated, .tooSmall]
      #expect(
        try catalogue.cachedOutcome(sha256: digest(UInt8(byte)), model: digest(9))
          == (stays.contains(reason) ? .notScored(reason, detail: "because") : nil))
    }
    var allowed = entry("/up/y", .clear, sha256: digest(200))
    allowed.score = nil
    allowed.allowed = true
    _ = try catalogue.complete(itemID: nil, entry: allowed, identity: nil)
    #expect(try catalogue.cachedOutcome(sha256: digest(200), model: digest(9)) == nil)
  }

  @Test func settingsSurviveAndCanBeTakenBack() throws {
    let directory = TemporaryDirectory()
    let value = try #require(Threshold(0.1 + 0.2))
    do {
      let catalogue = try Catalogue(directory: directory.path)
      #expect(try catalogue.setting(.threshold) == nil)
      try catalogue.set(.threshold, to: value)
      try catalogue.set(.paused, to: true)
    }
    let catalogue = try Catalogue(directory: directory.path)
    #expect(try catalogue.setting(.threshold) == value)
    #expect(try catalogue.setting(.paused) == true)
    try catalogue.set(.threshold, to: nil)
    #expect(try catalogue.setting(.threshold) == nil)
  }

  @Test func allowlist() throws {
    let first = AllowlistEntry(sha256: digest(1), note: "press photo", uid: .max, time: time(1))
    let second = AllowlistEntry(sha256: digest(2), note: "", uid: 0, time: time(2))
    #expect(try catalogue.allow(second))
    #expect(try catalogue.allow(first))
    #expect(try !catalogue.allow(AllowlistEntry(sha256: digest(1), note: "other", uid: 1, time: time(9))))
    #expect(try catalogue.allowlist() == [first, second])
    #expect(try catalogue.isAllowed(digest(1)))
    #expect(try catalogue.disallow(digest(1)))
    #expect(try !catalogue.disallow(digest(1)))
    #expect(try !catalogue.isAllowed(digest(1)))
  }

  func summary(_ second: Int64, size: Int64 = 5, state: QuarantineSummary.State = .quarantined) -> QuarantineSummary {
    QuarantineSummary(
      id: QuarantineID(at: time(second), random: UInt64(second)), path: FilePath("/up/\(second)"), size: size,
      sha256: digest(3),
      score: Score(realScore: 0, fakeScore: 1, bias: 2), threshold: half, model: digest(4), time: time(second),
      state: state)
  }

  @Test func quarantineIndex() throws {
    for second in 1...4 as ClosedRange<Int64> { try index(summary(second)) }
    #expect(try catalogue.quarantined(summary(1).id) == summary(1))
    #expect(try catalogue.setState(.restored, of: summary(2).id))
    #expect(try !catalogue.setState(.restored, of: QuarantineID(at: time(50))))
    #expect(try catalogue.quarantined(limit: 9) == [summary(4), summary(3), summary(1)])
    #expect(try catalogue.quarantined(in: nil, limit: 9).count == 4)
    #expect(try catalogue.quarantined(before: summary(4).id, limit: 1) == [summary(3)])
    #expect(catalogue.totals.quarantine == QuarantineTotals(count: 3, bytes: 15))
  }

  @Test func quarantineIndexIsRebuiltFromRecords() throws {
    for second in 1...3 as ClosedRange<Int64> { try index(summary(second)) }
    try catalogue.setState(.deleted, of: summary(3).id)
    #expect(try catalogue.rebuildQuarantine(from: [summary(2), summary(7)]) == [summary(1).id])
    #expect(try catalogue.quarantined(limit: 9) == [summary(7), summary(2)])
    #expect(try catalogue.quarantined(summary(1).id)?.state == .missing)
    #expect(try catalogue.quarantined(summary(3).id)?.state == .deleted)
    #expect(try catalogue.rebuildQuarantine(from: [summary(2), summary(7)]).isEmpty)
  }

  private func index(_ summary: QuarantineSummary) throws {
    _ = try catalogue.complete(
      itemID: nil, entry: entry(summary.path, .flagged), identity: nil, quarantined: (summary, identity(inode: 1)))
  }
}
