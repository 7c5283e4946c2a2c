import Cataloguing
import Quarantining
import StayposCore
import Synchronization
import SystemPackage
import Testing

@testable import Daemon

@Suite struct RetentionTests {
  let harness: JudgeHarness
  let retention: Retention

  init() throws {
    harness = try JudgeHarness()
    retention = Retention(context: harness.context, limits: .init(quarantineDays: 1, historyDays: 1))
  }

  #if DEBUG
    @Test("Pitfall 56: one that cannot be deleted keeps none of the others, and is deleted another time")
    func oneFails() throws {
      for name in ["a", "b", "c"] { try harness.judge(try harness.flaggedUpload(name)) }
      #expect(retention.deleteExpired(after: .seconds(60)) <= .seconds(60))
      #expect(harness.context.quarantine.totals.count == 3)
      let failures = Mutex(0)
      let pause = Failpoint.$handler.withValue({ name in
        if name == "delete.recorded",
          failures.withLock({
            $0 += 1; return $0 == 1
          })
        {
          throw QuarantineError(.io, "injected")
        }
      }) { retention.deleteExpired(after: .zero) }
      #expect(pause == .seconds(3600))
      #expect(harness.context.quarantine.totals.count == 1)
      #expect(harness.context.degradations.all.map(\.kind) == ["retention"])
      #expect(retention.deleteExpired(after: .zero) == .seconds(86_400))
      #expect(harness.context.quarantine.totals.count == 0)
      #expect(harness.context.degradations.all.isEmpty)
      #expect(try harness.context.catalogue.quarantined(in: .deleted, limit: 9).count == 3)
    }
  #endif

  @Test("old verdicts go, however many, and the files still count as judged")
  func history() throws {
    let old = Timestamp.now.advanced(by: .seconds(-7200))
    let threshold = try #require(Threshold(0.5))
    let identity = FileIdentity(device: 1, inode: 2, birth: nil, size: 3, modified: old, changed: old)
    let catalogue = harness.context.catalogue
    for time in Array(repeating: old, count: 1100) + [Timestamp.now] {
      let entry = HistoryEntry(time: time, path: "/a", verdict: .clear, threshold: threshold, duration: .zero)
      _ = try catalogue.complete(itemID: nil, entry: entry, identity: identity)
    }
    #expect(retention.forgetVerdicts(after: .seconds(3600)) == .seconds(86_400))
    #expect(try catalogue.history(limit: 9).entries.count == 1)
    #expect(catalogue.totals.verdicts.clear == 1101)
    #expect(try catalogue.judged(device: 1, inode: 2, birth: nil) != nil)
  }
}
