import Cataloguing
import Filesystem
import Quarantining
import StayposCore
import SystemPackage
import Testing

@testable import Daemon

/// The catalogue knows a restored file before its record goes.
@Suite struct RestoringTests {
  let harness: JudgeHarness
  let path: FilePath
  let id: QuarantineID

  init() throws {
    harness = try JudgeHarness()
    let item = try harness.flaggedUpload("a.png")
    try harness.judge(item)
    path = item.path
    id = try #require(try harness.context.catalogue.history(limit: 1).entries.first?.quarantineID)
  }

  private func admit() throws -> AdmissionOutcome {
    let identity = try RegularFile(opening: path).status.identity
    return try harness.context.catalogue.enqueue(Admission(path: path, identity: identity, priority: .live), at: .now)
  }

  @Test("a restored file is not taken again")
  func restored() throws {
    _ = try harness.context.restore(id, to: nil)
    #expect(try admit() == .alreadyJudged)
    #expect(try harness.context.catalogue.quarantined(id)?.state == .restored)
  }

  @Test("a catalogue that takes nothing refuses the restore, and nothing moves")
  func catalogueRefuses() throws {
    try harness.refuse("INSERT ON judged")
    #expect(throws: QuarantineError.self) { try harness.context.restore(id, to: nil) }
    #expect(try harness.context.quarantine.record(id).state == .quarantined)
    #expect((try? RegularFile(opening: path).status) == nil)
    try harness.acceptEverything()
    _ = try harness.context.restore(id, to: nil)
    #expect(try admit() == .alreadyJudged)
  }

  @Test("one that fails when the file is back learns of it at the next start, and the file is left alone until then")
  func catalogueFailsAfterTheMove() throws {
    try harness.refuse("UPDATE ON quarantine")
    #expect(throws: QuarantineError.self) { try harness.context.restore(id, to: nil) }
    #expect(throws: StartError.self) { try Recovery(context: harness.context).run() }
    try harness.acceptEverything()
    _ = try admit()
    try harness.judge(try #require(try harness.context.catalogue.lease(now: .now)))
    #expect(harness.context.quarantine.totals.count == 0)
    try Recovery(context: harness.context).run()
    #expect(try admit() == .alreadyJudged)
    #expect(try harness.context.catalogue.quarantined(id)?.state == .restored)
    #expect(try harness.context.quarantine.records().records.isEmpty)
  }

  #if DEBUG
    @Test(
      "a restore that is cut short is finished by the next start, however often that is cut short too",
      arguments: ["restore.moved", "restore.told"])
    func cutShort(point: String) throws {
      struct Kill: Error {}
      for points in [[point], ["recovery.told"]] {
        Failpoint.$handler.withValue({ if points.contains($0) { throw Kill() } }) {
          if points == [point] {
            #expect(throws: QuarantineError.self) { try harness.context.restore(id, to: nil) }
          } else {
            #expect(throws: StartError.self) { try Recovery(context: harness.context).run() }
          }
        }
      }
      try Recovery(context: harness.context).run()
      #expect(try admit() == .alreadyJudged)
      #expect(try harness.context.catalogue.quarantined(id)?.state == .restored)
    }
  #endif
}
