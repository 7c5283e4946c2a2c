import Foundation
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Cataloguing

@Suite struct QueueTests {
  let directory: TemporaryDirectory
  let catalogue: Catalogue

  init() throws {
    directory = TemporaryDirectory()
    catalogue = try Catalogue(directory: directory.path)
  }

  @Test func theListComesInPages() throws {
    for index in 0..<20 {
      let priority: QueuePriority = [.backlog, .live, .submitted][index % 3]
      _ = try catalogue.admit(FilePath("/up/\(index)"), inode: UInt64(index), priority: priority)
    }
    let all = try catalogue.queue(limit: 99)
    #expect(all.map(\.item.priority) == all.map(\.item.priority).sorted(by: >))
    for size in [1, 3, 7, 20] {
      var pages: [QueueEntry] = []
      while case let page = try catalogue.queue(after: pages.last?.item, limit: size), !page.isEmpty { pages += page }
      #expect(pages == all)
    }
  }

  @Test func liveBeforeBacklogThenTheOldest() throws {
    _ = try catalogue.admit("/up/1", inode: 1, priority: .backlog)
    _ = try catalogue.admit("/up/2", inode: 2, priority: .live)
    _ = try catalogue.admit("/up/3", inode: 3, priority: .live)
    _ = try catalogue.admit("/up/4", inode: 4, priority: .submitted)
    var order: [FilePath] = []
    while let item = try catalogue.lease(now: time(20)) { order.append(item.path) }
    #expect(order == ["/up/4", "/up/2", "/up/3", "/up/1"])
    #expect(catalogue.totals.queue == QueueDepth(waiting: 0, leased: 4, oldest: time(10)))
    #expect(try catalogue.nextReady() == nil)
    for entry in try catalogue.queue(limit: 9) {
      #expect(entry.leased)
      try catalogue.release(entry.item.id, notBefore: time(0), countAttempt: false)
    }
    #expect(catalogue.totals.queue.waiting == 4)
    #expect(try catalogue.lease(now: time(20))?.path == "/up/4")
  }

  /// Whatever clients list: nobody on the way to a verdict waits for it.
  @Test func aListInProgressHoldsUpNobody() throws {
    _ = try catalogue.admit("/up/a", inode: 1)
    try catalogue.list("hold on") { _ in
      let item = try #require(try catalogue.lease(now: time(20)))
      _ = try catalogue.complete(itemID: item.id, entry: entry("/up/a"), identity: item.identity)
    }
    #expect(try catalogue.history(limit: 9).entries.count == 1)
  }

  /// The next of ten thousand is found in an index, whether it came first, was served before or waited.
  @Test func aLongQueueIsServedAsFastAsAShortOne() throws {
    /// The shortest of several, in seconds.
    func lease(_ count: Int) throws -> Double {
      let admissions = (0..<count).map {
        Admission(path: FilePath("/up/\(count)/\($0)"), identity: identity(inode: UInt64($0)), priority: .live)
      }
      _ = try catalogue.enqueue(admissions, at: time(10))
      var shortest = Double.infinity
      for turn in 0..<20 {
        let start = ContinuousClock.now
        let item = try #require(try catalogue.lease(now: time(20)))
        _ = try catalogue.nextReady()
        shortest = min(shortest, (ContinuousClock.now - start) / .seconds(1))
        try catalogue.release(item.id, notBefore: time(turn % 2 == 0 ? 15 : 90), countAttempt: false)
      }
      return shortest
    }
    let short = try lease(50)
    #expect(try lease(10_000) < 5 * short)
  }

  @Test func samePathWaitsOnce() throws {
    guard case .queued(let id) = try catalogue.admit("/up/a", inode: 1, priority: .backlog, at: 10) else {
      Issue.record("not queued")
      return
    }
    #expect(try catalogue.admit("/up/a", inode: 2, priority: .live, at: 11) == .coalesced(id: id))
    let item = try #require(try catalogue.lease(now: time(20)))
    #expect(
      item
        == QueueItem(
          id: id, path: "/up/a", identity: identity(inode: 2), priority: .live, enqueued: time(10), attempts: 0))
    #expect(try catalogue.lease(now: time(20)) == nil)
  }

  @Test func pathBeingScoredWaitsForItsTurn() throws {
    _ = try catalogue.admit("/up/a", inode: 1)
    let first = try #require(try catalogue.lease(now: time(20)))
    guard case .queued(let second) = try catalogue.admit("/up/a", inode: 1, changed: 2) else {
      Issue.record("not queued")
      return
    }
    #expect(try catalogue.lease(now: time(20)) == nil)
    #expect(try catalogue.nextReady() == nil)
    _ = try catalogue.complete(itemID: first.id, entry: entry("/up/a"), identity: first.identity)
    #expect(try catalogue.lease(now: time(20))?.id == second)
  }

  @Test func releaseDefersCountsAndMerges() throws {
    _ = try catalogue.admit("/up/a", inode: 1)
    var item = try #require(try catalogue.lease(now: time(20)))
    #expect(try catalogue.release(item.id, notBefore: time(30), countAttempt: true) == [])
    #expect(try catalogue.lease(now: time(29)) == nil)
    #expect(try catalogue.nextReady() == time(30))
    item = try #require(try catalogue.lease(now: time(30)))
    #expect(item.attempts == 1)
    guard case .queued(let again) = try catalogue.admit("/up/a", inode: 1, changed: 5) else {
      Issue.record("not queued")
      return
    }
    #expect(try catalogue.release(item.id, notBefore: time(99), countAttempt: true) == [again])
    let merged = try catalogue.queue(limit: 9)
    #expect(merged.count == 1)
    #expect(merged.first?.item.identity == identity(inode: 1, changed: 5))
    #expect(merged.first?.item.attempts == 2)
    #expect(merged.first?.notBefore == Timestamp(nanoseconds: 0), "new content does not wait out the old one's delay")
    _ = try catalogue.complete(itemID: item.id, entry: entry("/up/a"), identity: nil)
    #expect(try catalogue.release(item.id, notBefore: time(0), countAttempt: false) == nil)
  }

  @Test("what an attempt itself has done to the file is no news, and the delay stays")
  func ownTraces() throws {
    _ = try catalogue.admit("/up/a", inode: 1)
    let item = try #require(try catalogue.lease(now: time(20)))
    _ = try catalogue.admit("/up/a", inode: 1, changed: 5)
    try catalogue.release(
      item.id, notBefore: time(99), countAttempt: true, isWait: true, identity: identity(inode: 1, changed: 5))
    _ = try catalogue.admit("/up/a", inode: 1, changed: 5)
    let merged = try catalogue.queue(limit: 9)
    #expect(merged.map(\.notBefore) == [time(99)])
    #expect(merged.map(\.item.waits) == [1])
  }

  @Test func waitsAreCountedAmongTheAttemptsAndByThemselves() throws {
    _ = try catalogue.admit("/up/a", inode: 1)
    for (isWait, expected) in [(true, [1, 1]), (false, [2, 1]), (true, [3, 2])] {
      let item = try #require(try catalogue.lease(now: time(20)))
      try catalogue.release(item.id, notBefore: time(0), countAttempt: true, isWait: isWait)
      #expect(try catalogue.queue(limit: 1).map { [$0.item.attempts, $0.item.waits] } == [expected])
    }
  }

  @Test func judgedFileIsNotQueuedAgainUnlessAsked() throws {
    _ = try catalogue.admit("/up/a", inode: 1)
    let item = try #require(try catalogue.lease(now: time(20)))
    let done = try catalogue.complete(itemID: item.id, entry: entry("/up/a", .flagged), identity: item.identity)
    #expect(try catalogue.admit("/up/a", inode: 1) == .alreadyJudged)
    #expect(
      try catalogue.judged(device: item.identity.device, inode: 1, birth: item.identity.birth)
        == Judgement(identity: item.identity, sha256: digest(1), historyID: done.id, verdict: .flagged))
    #expect(try catalogue.judged(device: item.identity.device, inode: 1, birth: nil) == nil)

    guard case .queued(let id) = try catalogue.admit("/up/b", inode: 1, changed: 2) else {
      Issue.record("a renamed file has another change time")
      return
    }
    #expect(try catalogue.touch(itemID: id, identity: identity(inode: 1, changed: 2)))
    #expect(catalogue.totals.queue.waiting == 0)
    #expect(try catalogue.admit("/up/b", inode: 1, changed: 2) == .alreadyJudged)
    #expect(try catalogue.history(limit: 9).entries.count == 1)
    #expect(try !catalogue.touch(itemID: nil, identity: identity(inode: 1, changed: 3, birth: 77)))
    #expect(try !catalogue.touch(itemID: nil, identity: identity(inode: 42)))

    guard case .queued = try catalogue.admit("/up/b", inode: 1, changed: 2, again: true) else {
      Issue.record("not queued although asked")
      return
    }
  }

  @Test func restoredFileCountsAsJudged() throws {
    let done = try catalogue.complete(itemID: nil, entry: entry("/up/a", .flagged), identity: nil)
    try catalogue.setJudged(identity(inode: 5), sha256: digest(1), historyID: done.id)
    #expect(try catalogue.admit("/up/a", inode: 5) == .alreadyJudged)
  }

  @Test func renamedDirectoryTakesItsFilesAlong() throws {
    let odd = try #require(FilePath(bytes: Array("/up/old/".utf8) + [0xFF, 0x0A]))
    _ = try catalogue.admit(odd, inode: 1)
    _ = try catalogue.admit("/up/older", inode: 2)
    _ = try catalogue.admit("/up/old/deep/x", inode: 3)
    _ = try catalogue.admit("/up/new/deep/x", inode: 4)
    let ids = try catalogue.queue(limit: 9).map(\.item.id)
    let (moved, ended) = try catalogue.renamePrefix(from: "/up/old", to: "/up/new")
    #expect(moved == 2)
    #expect(ended == [ids[3]])
    let queue = try catalogue.queue(limit: 9).map(\.item)
    #expect(queue.map(\.id) == [ids[0], ids[1], ids[2]])
    #expect(
      queue.map(\.path.bytes) == [
        Array("/up/new/".utf8) + [0xFF, 0x0A], Array("/up/older".utf8), Array("/up/new/deep/x".utf8),
      ])
    #expect(queue.map(\.identity.inode) == [1, 2, 4])
  }

  @Test func twentyThousandInOneBatch() throws {
    let admissions = (0..<20_000).map {
      Admission(
        path: FilePath("/srv/uploads/batch/\($0).png"), identity: identity(inode: UInt64($0)), priority: .backlog)
    }
    let clock = ContinuousClock()
    var outcomes: [AdmissionOutcome] = []
    let first = try clock.measure { outcomes = try catalogue.enqueue(admissions, at: time(1)) }
    #expect(outcomes.count == 20_000)
    let again = try clock.measure { outcomes = try catalogue.enqueue(admissions, at: time(2)) }
    #expect(outcomes.allSatisfy { if case .coalesced = $0 { true } else { false } })
    let served = try clock.measure {
      for _ in 0..<200 {
        let item = try #require(try catalogue.lease(now: time(3)))
        _ = try catalogue.complete(itemID: item.id, entry: entry(item.path), identity: item.identity)
      }
    }
    print("20,000 files queued in \(first), again in \(again); 200 leased and completed in \(served)")
    #expect(catalogue.totals.queue.waiting == 19_800)
    #expect(first < .seconds(20))
  }

  @Test func threadsShareTheQueueWithoutServingTwice() async throws {
    _ = try catalogue.enqueue(
      (0..<200).map {
        Admission(path: FilePath("/up/\($0)"), identity: identity(inode: UInt64($0)), priority: .live)
      }, at: time(1))
    let catalogue = self.catalogue
    let served = try await withThrowingTaskGroup(of: [Int64].self) { group in
      for _ in 0..<4 {
        group.addTask {
          var ids: [Int64] = []
          while let item = try catalogue.lease(now: time(2)) {
            ids.append(item.id)
            _ = try catalogue.complete(itemID: item.id, entry: entry(item.path), identity: item.identity)
          }
          return ids
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(served.count == 200)
    #expect(Set(served).count == 200)
    #expect(catalogue.totals.verdicts == VerdictCounts(flagged: 0, clear: 200, notScored: 0))
  }

  /// It may wait a second time: met by a scan, or closed again, while it was scored. Its other names wait on.
  @Test func aFileInTheQuarantineWaitsNoMore() throws {
    let file = identity(inode: 1, changed: 1)
    _ = try catalogue.enqueue(Admission(path: "/up/a", identity: file, priority: .live), at: time(1))
    let item = try #require(try catalogue.lease(now: time(2)))
    for (path, identity) in [
      ("/up/a", identity(inode: 1, changed: 2)), ("/up/link", file), ("/up/other", identity(inode: 2)),
    ] {
      _ = try catalogue.enqueue(Admission(path: FilePath(path), identity: identity, priority: .live), at: time(3))
    }
    let id = QuarantineID(at: time(4))
    let summary = QuarantineSummary(
      id: id, path: "/up/a", size: 10, sha256: digest(1), score: nil, threshold: half, model: nil, time: time(4))
    _ = try catalogue.complete(
      itemID: item.id, entry: entry("/up/a", .flagged, at: 4), identity: nil, quarantined: (summary, file))
    #expect(try catalogue.queue(limit: 9).map(\.item.path) == ["/up/link", "/up/other"])
    #expect(try catalogue.quarantined(id) == summary)
    #expect(try catalogue.history(limit: 9).entries.count == 1)
    // Seen just before it was moved, and reported just after.
    let late = Admission(path: "/up/a", identity: file, priority: .live)
    #expect(try catalogue.enqueue(late, at: time(5)) == .alreadyJudged)
    // Opened under its name, and looked at when it had been renamed for the move.
    var moving = file
    moving.changed = time(3)
    let later = Admission(path: "/up/a", identity: moving, priority: .live)
    #expect(try catalogue.enqueue(later, at: time(5)) == .alreadyJudged)
    let back = Admission(path: "/up/a", identity: identity(inode: 1, changed: 9), priority: .live)
    guard case .queued = try catalogue.enqueue(back, at: time(6)) else {
      Issue.record("put back by hand, it is another matter")
      return
    }
  }

  /// Another file has come in its place meanwhile.
  @Test func aNewFileInAQuarantinedFilesPlaceWaitsOn() throws {
    let file = identity(inode: 1, birth: 1)
    let new = identity(inode: 1, birth: 5)
    _ = try catalogue.enqueue(Admission(path: "/up/a", identity: new, priority: .live), at: time(6))
    let summary = QuarantineSummary(
      id: QuarantineID(at: time(4)), path: "/up/a", size: 10, sha256: digest(1), score: nil, threshold: half,
      model: nil, time: time(4))
    _ = try catalogue.complete(
      itemID: nil, entry: entry("/up/a", .flagged), identity: nil, quarantined: (summary, file))
    #expect(try catalogue.queue(limit: 9).map(\.item.identity) == [new])
  }
}
