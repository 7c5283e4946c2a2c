import Cataloguing
import StayposCore
import SystemPackage
import Testing

@testable import Daemon

@Suite struct JudgeTests {
  let harness: JudgeHarness

  init() throws {
    harness = try JudgeHarness()
  }

  @Test("a flagged file that was moved gets its verdict when the catalogue works again")
  func catalogueFailsAfterTheMove() throws {
    let item = try harness.flaggedUpload("a.png")
    try harness.refuseVerdicts()
    var failures = 0
    try harness.judge(item) { [harness] _ in
      failures += 1
      if failures == 3 { try? harness.acceptVerdicts() }
      return failures < 10
    }
    #expect(failures == 3)
    let catalogue = harness.context.catalogue
    let entry = try #require(try catalogue.history(limit: 1).first)
    #expect(entry.path == item.path)
    #expect(entry.verdict == .flagged)
    #expect(try catalogue.quarantined(#require(entry.quarantineID)) != nil)
    #expect(try catalogue.queueDepth() == QueueDepth(waiting: 0, leased: 0, oldest: nil))
  }

  @Test("a daemon that stops meanwhile completes the history at its next start")
  func stopAfterTheMove() throws {
    let item = try harness.flaggedUpload("a.png")
    try harness.refuseVerdicts()
    #expect(throws: CatalogueError.self) { try harness.judge(item) }
    let catalogue = harness.context.catalogue
    // Neither half: an index without a verdict would pass for complete.
    #expect(try catalogue.quarantined(limit: 9).isEmpty)
    try harness.acceptVerdicts()
    try Recovery(context: harness.context).run()
    #expect(try catalogue.quarantined(limit: 9).count == 1)
    #expect(try catalogue.history(limit: 1).first?.path == item.path)
    #expect(try catalogue.queueDepth().waiting + catalogue.queueDepth().leased == 0)
  }
}
