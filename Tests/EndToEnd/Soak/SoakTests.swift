import Foundation
import Glibc
import SystemPackage
import Testing

/// Minutes of everything at once. `make soak` runs the release build for ten; by default it is a short one.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct SoakTests {
  private static let environment = ProcessInfo.processInfo.environment

  /// STAYPOS_SOAK_SECONDS, STAYPOS_SOAK_WRITERS; STAYPOS_SEED repeats one, as far as the scheduler lets it;
  /// STAYPOS_SOAK_TABLE names a file for what was measured.
  @Test("Many writers, commands and killed scorers at once: nothing is lost, and memory and descriptors stay flat")
  func soak() async throws {
    let seed = Self.environment["STAYPOS_SEED"].flatMap(UInt64.init) ?? .random(in: 0..<1_000_000)
    let seconds = Effort.count("STAYPOS_SOAK_SECONDS", or: 12)
    let soak = Soak(seed: seed, duration: .seconds(seconds), writers: Effort.count("STAYPOS_SOAK_WRITERS", or: 3))
    print("soak: seed \(seed)")
    let daemon = try RunningDaemon(settle: 20, detector: "workers = 2")
    let outside = daemon.directory.appending("outside")
    let ledger = SoakLedger()
    try daemon.start()
    let work = try await soak.run(daemon, outside: outside, ledger: ledger)

    // Everything at once again, which finds nothing that it did not know.
    _ = try daemon.call("Rescan")
    try await daemon.barrier("barrier-1.txt")
    try await daemon.emptyQueue(within: 120 + Double(seconds) / 2)
    let count = try daemon.verdictCount()
    _ = try daemon.call("Rescan")
    try await daemon.barrier("barrier-2.txt")
    try await daemon.emptyQueue()
    #expect(try daemon.verdictCount() == count + 1, "seed \(seed): a scan of what is at rest gave verdicts")

    let history = try await daemon.history()
    let status = try daemon.status()
    for barrier in ["barrier-1.txt", "barrier-2.txt"] { unlink(daemon.uploads.appending(barrier).string) }
    #expect(try daemon.stop() == 0)
    var oracle = SoakOracle(daemon, outside: outside, accounts: ledger.accounts, places: work.places)
    try oracle.judge(history: history, log: daemon.text(daemon.log))
    #expect(oracle.problems == [], "seed \(seed): \(oracle.problems.joined(separator: "\n"))")
    #expect(status["degradations"] as? [[String: String]] == [], "seed \(seed)")

    let sampler = try #require(work.sampler)
    report(soak, work, oracle, sampler, history)
    if let file = Self.environment["STAYPOS_SOAK_TABLE"] { try daemon.write(sampler.table, to: FilePath(file)) }
    try judge(sampler, seconds)
  }

  /// Over a few seconds a slope says nothing.
  private func judge(_ sampler: SoakSampler, _ seconds: Int) throws {
    #expect(sampler.descriptors.maximum < 200)
    guard seconds >= 120 else { return }
    for series in sampler.bounded {
      let limit = max(series.median * 0.1, series.unit == "MiB" ? 2 : 1)
      #expect(series.growth < limit, "\(series.summary)")
    }
  }

  private func report(
    _ soak: Soak, _ work: Soak.Work, _ oracle: SoakOracle, _ sampler: SoakSampler, _ history: [[String: Any]]
  ) {
    func list(_ counts: [String: Int]) -> String {
      counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
    var verdicts: [String: Int] = [:]
    for entry in history {
      let words = [entry["verdict"], entry["reason"]].compactMap { $0 as? String }
      verdicts[words.joined(separator: ":"), default: 0] += 1
    }
    Effort.report(
      "soak of \(soak.duration), seed \(soak.seed): \(soak.writers) writers, "
        + "\(work.operations.values.reduce(0, +)) operations (\(list(work.operations))), \(work.misses) found nothing")
    Effort.report(
      "soak commands: \(work.commands.values.reduce(0, +)) (\(list(work.commands))), \(work.refusals) refused; "
        + "\(work.kills) scorers killed")
    Effort.report(
      "soak verdicts: \(history.count) (\(list(verdicts))) on \(oracle.accounts.count) contents; "
        + "oracle: \(oracle.problems.count) problems")
    for series in sampler.bounded + [sampler.catalogue, sampler.queue] { Effort.report("soak \(series.summary)") }
  }
}
