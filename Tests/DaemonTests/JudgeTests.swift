import Cataloguing
import Filesystem
import Foundation
import Quarantining
import StayposCore
import SystemPackage
import Testing
import Watching

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
    let patience = { [harness] (_: CatalogueError) in
      failures += 1
      if failures == 3 { try? harness.acceptVerdicts() }
      return failures < 10
    }
    try harness.judge(item, patience: patience)
    #expect(failures == 3)
    let catalogue = harness.context.catalogue
    let entry = try #require(try catalogue.history(limit: 1).entries.first)
    #expect(entry.path == item.path)
    #expect(entry.verdict == .flagged)
    #expect(try catalogue.quarantined(#require(entry.quarantineID)) != nil)
    #expect(catalogue.totals.queue == QueueDepth(waiting: 0, leased: 0, oldest: nil))
  }

  @Test("a name that a move had for a moment gets no verdict; an upload of such a name does")
  func temporaryNames() throws {
    let gone = try harness.flaggedUpload(".staypos-\(QuarantineID(at: .now))")
    try FileManager.default.removeItem(atPath: gone.path.string)
    let catalogue = harness.context.catalogue
    let before = try catalogue.history(limit: 9).entries.count
    try harness.judge(gone)
    try harness.judge(try #require(try catalogue.lease(now: Timestamp.steady.advanced(by: .seconds(60)))))
    #expect(try catalogue.history(limit: 9).entries.count == before)
    #expect(catalogue.totals.queue == QueueDepth(waiting: 0, leased: 0, oldest: nil))
    let upload = try harness.flaggedUpload(".staypos-\(QuarantineID(at: .now))")
    try harness.judge(upload)
    #expect(try catalogue.history(limit: 1).entries.first?.path == upload.path)
  }

  @Test("what a move has at a temporary name is left alone until it is over")
  func temporaryNameInUse() throws {
    try harness.judge(try harness.flaggedUpload("a.png"))
    let id = try #require(try harness.context.catalogue.history(limit: 1).entries.first?.quarantineID)
    let copy = try harness.flaggedUpload(".staypos-\(id)")
    _ = try harness.context.quarantine.restore(id, beforePublishing: { _ in try harness.judge(copy) })
    #expect(harness.context.catalogue.totals.queue.waiting == 1)
    #expect(harness.context.quarantine.totals.count == 0)
    #expect((try? RegularFile(opening: copy.path).status) != nil)
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
    #expect(try catalogue.history(limit: 1).entries.first?.path == item.path)
    #expect(catalogue.totals.queue.waiting + catalogue.totals.queue.leased == 0)
  }

  @Test(
    "a file whose directory is renamed just before its turn is found under its new name",
    arguments: ["a.png", ".staypos-\(QuarantineID(at: .now))"])
  func directoryRenamedBeforeTheWatcherSaysSo(name: String) throws {
    let item = try harness.flaggedUpload(name)
    let moved = harness.directory.appending("moved")
    try FileManager.default.moveItem(atPath: harness.uploads.string, toPath: moved.string)
    try harness.judge(item)
    let catalogue = harness.context.catalogue
    #expect(catalogue.totals.queue.waiting == 1)
    try catalogue.renamePrefix(from: harness.uploads, to: moved)
    let soon = Timestamp.steady.advanced(by: .seconds(60))
    let again = try #require(try catalogue.lease(now: soon))
    try harness.judge(again)
    let entry = try #require(try catalogue.history(limit: 1).entries.first)
    #expect(entry.path == moved.appending(name))
    #expect(entry.verdict == .flagged)
  }

  @Test("what is gone for good gets its verdict at the second look")
  func deleted() throws {
    let item = try harness.flaggedUpload("a.png")
    try FileManager.default.removeItem(atPath: item.path.string)
    try harness.judge(item)
    let catalogue = harness.context.catalogue
    try harness.judge(try #require(try catalogue.lease(now: Timestamp.steady.advanced(by: .seconds(60)))))
    #expect(try catalogue.history(limit: 1).entries.first?.verdict == .notScored(.vanished))
    #expect(catalogue.totals.queue.waiting + catalogue.totals.queue.leased == 0)
  }

  @Test("a flagged file that cannot be moved is told of, and tried again without being scored again")
  func notMoved() throws {
    let item = try harness.upload("a.png", "generated")
    harness.context.quarantine.setMaxBytes(1)
    var looks = 0
    let scoring = { () -> ScoringOutcome in
      looks += 1
      return .scored(Score(realScore: 0, fakeScore: 9, bias: -1), size: ImageSize(width: 8, height: 8))
    }
    let catalogue = harness.context.catalogue
    try harness.judge(item, scoring: scoring)
    var later = Timestamp.now
    func again() throws {
      later = later.advanced(by: .seconds(7200))
      try harness.judge(try #require(try catalogue.lease(now: later)), scoring: scoring)
    }
    while try catalogue.history(limit: 9).entries.isEmpty { try again() }
    let needed = looks
    #expect(Set(harness.context.degradations.all.map(\.kind)) == ["quarantine", "quarantine-space"])
    try again()
    #expect(looks == needed)
    #expect(try catalogue.history(limit: 9).entries.map(\.quarantineID) == [nil])
    harness.context.quarantine.setMaxBytes(0)
    #expect(try catalogue.lease(now: .now) == nil)
    try catalogue.hurry()
    try harness.judge(try #require(try catalogue.lease(now: .now)), scoring: scoring)
    #expect(looks == needed)
    #expect(try catalogue.history(limit: 1).entries.first?.quarantineID != nil)
    #expect(harness.context.degradations.all.isEmpty)
    #expect(catalogue.totals.queue == QueueDepth(waiting: 0, leased: 0, oldest: nil))
  }

  @Test("Pitfall 56: that there is no room is said at once, and until all that waited for it have found some")
  func noRoom() throws {
    let items = try (0..<3).map { try harness.flaggedUpload("\($0).png") }
    let room = items.map(\.identity.size).reduce(0, +)
    harness.context.quarantine.setMaxBytes(1)
    let board = harness.context.degradations
    try harness.judge(items[0])
    #expect(board.all.map(\.kind) == ["quarantine-space"])
    #expect(board.all.first?.detail.contains("used up") == true)
    try harness.judge(items[1])
    let since = try #require(board.all.first?.since)
    // One of its size may fit: the others wait on.
    harness.context.quarantine.setMaxBytes(room + room / 2)
    try harness.judge(items[2])
    #expect(board.all.map(\.since) == [since] && board.all.first?.detail.contains("used up") == true)
    let id = try #require(try harness.context.quarantine.identifiers().first)
    _ = try harness.context.quarantine.delete(id, beforeForgetting: harness.context.note)
    // They are tried at once, whatever they had to wait for.
    for _ in 0..<2 { try harness.judge(try #require(try harness.context.catalogue.lease(now: .now))) }
    #expect(board.all.isEmpty)
    #expect(harness.context.quarantine.totals.count == 2)
  }

  @Test("Pitfall 56: of many that found no room one looks every minute, and when it finds some all are tried")
  func scout() throws {
    let items = try (0..<3).map { try harness.flaggedUpload("\($0).png") }
    harness.context.quarantine.setMaxBytes(1)
    let catalogue = harness.context.catalogue
    for item in items { try harness.judge(item) }
    // Until each has its verdict, in its place.
    while try catalogue.history(HistoryFilter(path: harness.uploads), limit: 9).entries.count < items.count {
      try catalogue.hurry()
      for _ in items { try harness.judge(try #require(try catalogue.lease(now: .now))) }
    }
    let waits = try catalogue.queue(limit: 9).map { $0.notBefore.interval(since: .now) / .seconds(1) }
    #expect(waits.map { $0 < 61 }.filter(\.self).count == 1 && waits.allSatisfy { $0 > 50 })
    // Space that others have made: nobody tells of it.
    harness.context.quarantine.setMaxBytes(0)
    let soon = Timestamp.now.advanced(by: .seconds(61))
    try harness.judge(try #require(try catalogue.lease(now: soon)))
    for _ in 0..<2 { try harness.judge(try #require(try catalogue.lease(now: .now))) }
    #expect(harness.context.degradations.all.isEmpty)
    #expect(harness.context.quarantine.totals.count == 3)
  }

  @Test(
    "Pitfall 56: an upload that looked for room, and whose name is another's by now, is followed by the next",
    arguments: [false, true])
  func scoutWhoseNameIsTaken(whileInWork: Bool) throws {
    for name in ["old", "new"] {
      try FileManager.default.createDirectory(
        atPath: harness.uploads.appending(name).string, withIntermediateDirectories: false)
    }
    let catalogue = harness.context.catalogue
    let other = try harness.flaggedUpload("new/0.png")
    try catalogue.release(other.id, notBefore: Timestamp.now.advanced(by: .seconds(3600)), countAttempt: false)
    let items = [try harness.flaggedUpload("old/0.png"), try harness.flaggedUpload("1.png")]
    harness.context.quarantine.setMaxBytes(1)
    for item in items { try harness.judge(item) }
    while try catalogue.history(HistoryFilter(path: harness.uploads), limit: 9).entries.count < items.count {
      for item in items { try catalogue.hurry([item.id]) }
      for _ in items { try harness.judge(try #require(try catalogue.lease(now: .now))) }
    }
    func pause(_ item: QueueItem) throws -> Double? {
      try catalogue.queue(limit: 9).first { $0.item.id == item.id }.map {
        $0.notBefore.interval(since: .now) / .seconds(1)
      }
    }
    #expect(try #require(try pause(items[0])) < 61)
    #expect(try #require(try pause(items[1])) > 61)
    // Exchanged, say: what waits there already keeps its place.
    let intake = Intake(context: harness.context) {}
    if whileInWork { try catalogue.hurry([items[0].id]) }
    let inWork = whileInWork ? try catalogue.lease(now: .now) : nil
    #expect(inWork?.id == (whileInWork ? items[0].id : nil))
    intake.receive(
      .directoryRenamed(from: harness.uploads.appending("old"), to: harness.uploads.appending("new")))
    if let inWork { try harness.judge(inWork) }
    #expect(try pause(items[0]) == nil)
    try harness.judge(try #require(try catalogue.lease(now: .now)))
    #expect(try #require(try pause(items[1])) < 61)
    // Nothing of it is left that could never end.
    harness.context.quarantine.setMaxBytes(0)
    try catalogue.hurry()
    while let item = try catalogue.lease(now: .now) { try harness.judge(item) }
    #expect(harness.context.degradations.all.isEmpty)
    #expect(harness.context.quarantine.totals.count == 2)
  }

  @Test("Pitfall 32: bytes that are swapped for the scorer and back do not get the verdict of others")
  func swappedWhileScored() throws {
    let item = try harness.upload("a.png", "generated")
    var looks = 0
    let scoring = { () throws -> ScoringOutcome in
      looks += 1
      if looks == 1 {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: item.path.string))
        try harness.untilNoticed(item.path) {
          for content in ["harmless!", "generated"] {
            try file.seek(toOffset: 0)
            try file.write(contentsOf: Data(content.utf8))
          }
        }
        try file.close()
      }
      let score = Score(realScore: 0, fakeScore: looks == 1 ? 0 : 9, bias: -1)
      return .scored(score, size: ImageSize(width: 8, height: 8))
    }
    try harness.judge(item, scoring: scoring)
    #expect(looks == 2)
    #expect(try harness.context.catalogue.history(limit: 9).entries.map(\.verdict) == [.flagged])
  }

  #if DEBUG
    @Test("Pitfall 32: a file that grows while it is read is read no further than it was long, and waits")
    func growingWhileRead() throws {
      let item = try harness.upload("a.png", "generated")
      try Failpoint.$handler.withValue({ name in
        guard name == "scoring.opened" else { return }
        let file = try FileDescriptor.open(item.path, .writeOnly, options: .append)
        _ = try file.closeAfter { try file.writeAll([1]) }
      }) { try harness.judge(item) }
      #expect(try harness.context.catalogue.history(limit: 9).entries.isEmpty)
      #expect(harness.context.catalogue.totals.queue.waiting == 1)
      let next = try harness.context.catalogue.lease(now: Timestamp.steady.advanced(by: .seconds(3)))
      #expect(next?.waits == 1)
    }
  #endif

  @Test(
    "Pitfall 32: while somebody has a changed file open for writing, and could change it through a map, it is not clear"
  )
  func openWhileScored() throws {
    let item = try harness.upload("a.png", "generated")
    var writer: FileDescriptor?
    let clear = ScoringOutcome.scored(
      Score(realScore: 0, fakeScore: 0, bias: -1), size: ImageSize(width: 8, height: 8))
    try harness.judge(item) { _ in
      if writer == nil {
        writer = try FileDescriptor.open(item.path, .readWrite)
        try harness.untilNoticed(item.path) {
          try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: item.path.string)
        }
      }
      return clear
    }
    let catalogue = harness.context.catalogue
    #expect(try catalogue.history(limit: 9).entries.isEmpty)
    #expect(catalogue.totals.queue.waiting == 1)
    try writer?.close()
    let again = try #require(try catalogue.lease(now: Timestamp.steady.advanced(by: .seconds(60))))
    try harness.judge(again) { _ in clear }
    #expect(try catalogue.history(limit: 9).entries.map(\.verdict) == [.clear])
  }

  @Test("what the configuration has watched no more leaves the queue without a verdict, and stays where it is")
  func unwatched() throws {
    for name in ["removed", "removed/kept", "removed/flat"] {
      try FileManager.default.createDirectory(
        atPath: harness.uploads.appending(name).string, withIntermediateDirectories: false)
    }
    let catalogue = harness.context.catalogue
    let names = ["removed/a.png", "removed/kept/b.png", "removed/flat/c.png", "removed/flat/c.gif"]
    let items = try names.map { try harness.flaggedUpload($0) }
    let submitted = try harness.flaggedUpload("removed/flat/d.gif")
    try catalogue.release(submitted.id, notBefore: Timestamp(nanoseconds: 0), countAttempt: false)
    _ = try catalogue.enqueue(
      Cataloguing.Admission(path: submitted.path, identity: submitted.identity, priority: .submitted, again: true),
      at: .now)
    let before = try catalogue.history(limit: 99).entries.count
    harness.context.setRoots([
      WatchRoot(path: harness.uploads, recursive: false), WatchRoot(path: harness.uploads.appending("removed/kept")),
      WatchRoot(path: harness.uploads.appending("./removed/flat"), recursive: false, include: ["*.PNG"]),
    ])
    for item in items { try harness.judge(item) }
    try harness.judge(try #require(try catalogue.lease(now: .steady)))
    let entries = try catalogue.history(limit: 99).entries
    #expect(entries.dropLast(before).map(\.path) == [submitted.path, items[2].path, items[1].path])
    #expect(entries.dropLast(before).allSatisfy { $0.quarantineID != nil })
    for index in [0, 3] {
      #expect((try? RegularFile(opening: items[index].path).status.identity) == items[index].identity)
    }
    #expect(catalogue.totals.queue == QueueDepth(waiting: 0, leased: 0, oldest: nil))
  }

  @Test("one that is being scored when its directory is taken out of the configuration is not moved either")
  func unwatchedWhileScored() throws {
    let item = try harness.upload("a.png", "generated")
    try harness.judge(item) { [harness] _ in
      harness.context.setRoots([])
      return .scored(Score(realScore: 0, fakeScore: 9, bias: -1), size: ImageSize(width: 8, height: 8))
    }
    #expect(try harness.context.catalogue.history(limit: 9).entries.isEmpty)
    #expect(harness.context.quarantine.totals.count == 0)
    #expect(harness.context.catalogue.totals.queue == QueueDepth(waiting: 0, leased: 0, oldest: nil))
  }

  @Test("a file that changes under every look waits for a better time")
  func swappedAgainAndAgain() throws {
    let item = try harness.upload("a.png", "generated")
    var looks = 0
    let scoring = { () throws -> ScoringOutcome in
      looks += 1
      try harness.untilNoticed(item.path) {
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: item.path.string)
      }
      return .scored(Score(realScore: 0, fakeScore: 0, bias: -1), size: ImageSize(width: 8, height: 8))
    }
    try harness.judge(item, scoring: scoring)
    #expect(looks == 3)
    #expect(try harness.context.catalogue.history(limit: 9).entries.isEmpty)
    #expect(harness.context.catalogue.totals.queue.waiting == 1)
  }
}
