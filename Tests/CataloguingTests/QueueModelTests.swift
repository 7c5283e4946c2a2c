import Cataloguing
import Foundation
import StayposCore
import SystemPackage
import TestSupport
import Testing

/// The queue's rules written down a second time, over an array.
private struct QueueModel {
  struct Row: Equatable {
    var id: Int64
    var path: String
    var identity: FileIdentity
    var priority: QueuePriority
    var enqueued: Timestamp
    var attempts = 0
    var notBefore = Timestamp(nanoseconds: 0)
    var leased = false
  }

  var rows: [Row] = []
  var judged: [UInt64: FileIdentity] = [:]

  /// Lays `new` (the younger) over `old`.
  static func merged(_ old: Row, _ new: Row) -> Row {
    var row = old
    row.identity = new.identity
    row.priority = max(old.priority, new.priority)
    row.attempts = max(old.attempts, new.attempts)
    row.notBefore = old.identity == new.identity ? max(old.notBefore, new.notBefore) : new.notBefore
    row.leased = false
    return row
  }

  mutating func admit(_ row: Row, again: Bool) -> AdmissionOutcome {
    if !again, judged[row.identity.inode] == row.identity { return .alreadyJudged }
    if let index = rows.firstIndex(where: { $0.path == row.path && !$0.leased }) {
      rows[index] = Self.merged(rows[index], row)
      return .coalesced(id: rows[index].id)
    }
    rows.append(row)
    return .queued(id: row.id)
  }

  var free: [Row] {
    let busy = Set(rows.filter(\.leased).map(\.path))
    return rows.filter { !$0.leased && !busy.contains($0.path) }
  }

  mutating func lease(now: Timestamp) -> Int64? {
    // Whose time has come waits for nothing any more.
    for index in rows.indices where rows[index].notBefore <= now { rows[index].notBefore = Timestamp(nanoseconds: 0) }
    let next = free.filter { $0.notBefore <= now }.max { ($0.priority, -$0.id) < ($1.priority, -$1.id) }
    guard let next, let index = rows.firstIndex(where: { $0.id == next.id }) else { return nil }
    rows[index].leased = true
    return next.id
  }

  mutating func release(_ id: Int64, notBefore: Timestamp, countAttempt: Bool) {
    guard let index = rows.firstIndex(where: { $0.id == id }) else { return }
    rows[index].leased = false
    rows[index].notBefore = notBefore
    rows[index].attempts += countAttempt ? 1 : 0
    fold(path: rows[index].path)
  }

  /// All rows of a path that is not being scored become the oldest.
  mutating func fold(path: String) {
    let same = rows.filter { $0.path == path && !$0.leased }.sorted { $0.id < $1.id }
    guard var row = same.first, same.count > 1 else { return }
    for next in same.dropFirst() { row = Self.merged(row, next) }
    rows.removeAll { $0.path == path && !$0.leased }
    rows.append(row)
  }

  mutating func rename(_ old: String, _ new: String) {
    for index in rows.indices where rows[index].path.hasPrefix(old + "/") {
      rows[index].path = new + rows[index].path.dropFirst(old.count)
    }
    for path in Set(rows.map(\.path)).sorted() { fold(path: path) }
  }
}

@Suite struct QueueModelTests {
  @Test(arguments: [UInt64.random(in: 0 ... .max), 1, 2])
  func agreesWithTheModel(seed: UInt64) throws {
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let directory = TemporaryDirectory()
    var catalogue: Catalogue? = try Catalogue(directory: directory.path)
    var model = QueueModel()
    let directories = ["/up/a", "/up/ab", "/up/a/b", "/up"]
    for step in 0..<600 {
      let now = time(Int64(step))
      let leased = model.rows.filter(\.leased).map(\.id).sorted()
      switch Int.random(in: 0..<100, using: &random) {
      case ..<40:
        let path = "\(directories.randomElement(using: &random)!)/\(Int.random(in: 0..<3, using: &random))"
        let known = identity(
          inode: .random(in: 0..<6, using: &random), changed: .random(in: 0..<3, using: &random))
        let priority = QueuePriority(rawValue: Int.random(in: 0...2, using: &random))!
        let again = Int.random(in: 0..<5, using: &random) == 0
        let outcome = try #require(catalogue).enqueue(
          Admission(path: FilePath(path), identity: known, priority: priority, again: again), at: now)
        var id = Int64.max
        if case .queued(let given) = outcome { id = given }
        #expect(
          model.admit(.init(id: id, path: path, identity: known, priority: priority, enqueued: now), again: again)
            == outcome)
      case ..<65:
        #expect(try #require(catalogue).lease(now: now)?.id == model.lease(now: now))
      case ..<78:
        guard let id = leased.randomElement(using: &random) else { continue }
        let later = time(Int64(step) + .random(in: -5...40, using: &random))
        let count = Bool.random(using: &random)
        let ended = try #require(catalogue).release(id, notBefore: later, countAttempt: count)
        let before = Set(model.rows.map(\.id))
        model.release(id, notBefore: later, countAttempt: count)
        #expect(ended.map(Set.init) == before.subtracting(model.rows.map(\.id)))
      case ..<90:
        guard let id = leased.randomElement(using: &random), let row = model.rows.first(where: { $0.id == id }) else {
          continue
        }
        _ = try #require(catalogue).complete(itemID: id, entry: entry(FilePath(row.path)), identity: row.identity)
        model.rows.removeAll { $0.id == id }
        model.judged[row.identity.inode] = row.identity
      case ..<93:
        guard let row = model.rows.randomElement(using: &random) else { continue }
        let touched = try #require(catalogue).touch(itemID: row.id, identity: row.identity)
        #expect(touched == (model.judged[row.identity.inode] != nil))
        if touched {
          model.rows.removeAll { $0.id == row.id }
          model.judged[row.identity.inode] = row.identity
        }
      case ..<95:
        guard let id = model.rows.map(\.id).randomElement(using: &random) else { continue }
        _ = try #require(catalogue).complete(itemID: id, entry: entry(), identity: nil)
        model.rows.removeAll { $0.id == id }
      case ..<97:
        try #require(catalogue).renamePrefix(from: "/up/a", to: "/up/ab")
        model.rename("/up/a", "/up/ab")
      case ..<98:
        for id in leased {
          let row = try #require(model.rows.first { $0.id == id })
          try #require(catalogue).release(id, notBefore: row.notBefore, countAttempt: false)
          model.release(id, notBefore: row.notBefore, countAttempt: false)
        }
      default:
        catalogue = nil
        catalogue = try Catalogue(directory: directory.path)
        for index in model.rows.indices { model.rows[index].leased = false }
        for path in Set(model.rows.map(\.path)).sorted() { model.fold(path: path) }
      }
      let rows = try #require(catalogue).queue(limit: 1000).map { entry in
        QueueModel.Row(
          id: entry.item.id, path: entry.item.path.string, identity: entry.item.identity,
          priority: entry.item.priority, enqueued: entry.item.enqueued, attempts: entry.item.attempts,
          notBefore: entry.notBefore, leased: entry.leased)
      }
      let expected = model.rows.sorted { ($0.priority, -$0.id) > ($1.priority, -$1.id) }
      try #require(rows == expected, "seed \(seed), step \(step)")
      #expect(try #require(catalogue).nextReady() == model.free.map(\.notBefore).min(), "seed \(seed), step \(step)")
    }
  }
}
