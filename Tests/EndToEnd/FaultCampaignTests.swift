import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// A kernel that refuses one call of a working daemon: each kind of call, each of them that a load brings, with each error.
/// Then it works again, and the oracle is asked.
@Suite(.timeLimit(.minutes(15)))
struct FaultCampaignTests {
  /// STAYPOS_FAULTS=1000 is more than there are; then each is tried once.
  @Test("Pitfall 45: any call of any kind may fail once with any error, or do less than it was asked for")
  func quarantineBesideTheUploads() async throws {
    try await FaultCampaign(quarantine: nil).run(faults: Effort.count("STAYPOS_FAULTS", or: 8))
  }

  @Test(
    "Pitfall 45: any call of any kind may fail once with any error, or do less than it was asked for, across file systems",
    .enabled(if: KillCampaignTests.isSharedMemoryElsewhere, "needs /dev/shm on another file system than /tmp"))
  func quarantineElsewhere() async throws {
    let quarantine = FilePath("/dev/shm/staypos-quarantine-\(UUID())")
    defer { try? FileManager.default.removeItem(atPath: quarantine.string) }
    try await FaultCampaign(quarantine: quarantine).run(faults: Effort.count("STAYPOS_FAULTS", or: 8))
  }
}

private final class FaultCampaign {
  private struct Fault: CustomStringConvertible {
    var call: String
    /// 0: a little is done.
    var errno: CInt
    var turn: Int
    var description: String { "\(call) \(errno) \(turn)" }
  }

  private let shim = FaultShim()
  private let bench: CrashBench
  private let seed: UInt64
  private var random: SeededGenerator

  init(quarantine: FilePath?) throws {
    seed = ProcessInfo.processInfo.environment["STAYPOS_SEED"].flatMap(UInt64.init) ?? .random(in: 0..<1_000_000)
    random = SeededGenerator(seed: seed)
    bench = try CrashBench(quarantine: quarantine, environment: shim.environment())
  }

  func run(faults limit: Int) async throws {
    defer { shim.remove() }
    let all = try await faults()
    var reached: [Fault] = []
    for fault in all.prefix(limit) {
      if try await meet(fault) { reached.append(fault) }
    }
    try await bench.finish()
    // What a load brings differs a little from time to time.
    #expect(reached.count * 2 > min(limit, all.count), "seed \(seed)")
    let kinds = Dictionary(grouping: reached, by: \.call).map { "\($0.key) \($0.value.count)" }.sorted()
    Effort.report(
      "faults survived \(reached.count) of \(reached.count) (seed \(seed)): \(kinds.joined(separator: ", "))")
  }

  /// All that can happen to one load, the kinds of calls in turn.
  private func faults() async throws -> [Fault] {
    try await bench.live("without a fault") { _ in try await self.load() }
    try shim.clearLog()
    try await bench.live("without a fault") { _ in try await self.load() }
    let counts = Dictionary(grouping: try shim.calls(), by: { $0[0] }).mapValues(\.count)
    for call in ["write", "fsync", "rename", "unlink", "create", "attribute"] {
      try #require(counts[call, default: 0] > 0, "\(call): \(counts)")
    }
    var byKind = counts.filter { $0.key != "fault" }.sorted { $0.key < $1.key }.map { call, count in
      let errors = [ENOSPC, EDQUOT, EIO, EROFS] + (call == "write" || call == "copy" ? [0] : [])
      return (1...count).flatMap { turn in errors.map { Fault(call: call, errno: $0, turn: turn) } }
        .shuffled(using: &random)
    }.shuffled(using: &random)
    var faults: [Fault] = []
    while !byKind.isEmpty {
      for index in byKind.indices { faults.append(byKind[index].removeLast()) }
      byKind.removeAll(where: \.isEmpty)
    }
    return faults
  }

  /// - Returns: whether it happened.
  private func meet(_ fault: Fault) async throws -> Bool {
    try shim.clearLog()
    try await bench.live("seed \(seed), \(fault)") { context in
      try self.shim.fail(fault.call, fault.errno, below: "/", turn: fault.turn)
      defer { try? self.shim.mend() }
      try await self.load()
      // Until it has happened, or everything without it.
      let wanted = self.bench.wantedVerdicts
      _ = try await self.bench.daemon.eventually("\(context): an end", within: 60) {
        if try self.shim.calls().contains(where: { $0[0] == "fault" }) { return true }
        return try self.bench.daemon.verdictCount() >= wanted ? true : nil
      }
    }
    return try shim.calls().contains { $0[0] == "fault" }
  }

  private func load() async throws {
    let objects = try bench.objects()
    try bench.dropOfEachKind()
    for (object, isDeletion) in zip(objects, [true, false]) {
      try bench.order(object, isDeletion: isDeletion)
    }
  }
}
