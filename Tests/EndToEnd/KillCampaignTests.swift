import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `kill -9` at random moments of a working daemon, again and again, and then a look at the disk: with eyes other than
/// the daemon's.
@Suite(.timeLimit(.minutes(15)))
struct KillCampaignTests {
  static var isSharedMemoryElsewhere: Bool {
    var (here, there) = (stat(), stat())
    return stat("/tmp", &here) == 0 && stat("/dev/shm", &there) == 0 && here.st_dev != there.st_dev
  }

  @Test("Pitfall 51: after kill -9 at any moment every file has one place and one verdict")
  func quarantineBesideTheUploads() async throws {
    try await KillCampaign(quarantine: nil, scorer: .standIn).run(rounds: Effort.count("STAYPOS_ROUNDS", or: 12))
  }

  @Test(
    "Pitfall 51: after kill -9 at any moment every file has one place and one verdict, across file systems",
    .enabled(if: isSharedMemoryElsewhere, "needs /dev/shm on another file system than /tmp"))
  func quarantineElsewhere() async throws {
    let quarantine = FilePath("/dev/shm/staypos-quarantine-\(UUID())")
    defer { try? FileManager.default.removeItem(atPath: quarantine.string) }
    try await KillCampaign(quarantine: quarantine, scorer: .standIn)
      .run(rounds: Effort.count("STAYPOS_ROUNDS", or: 12))
  }

  @Test(
    "Pitfall 51: after kill -9 at any moment every file has one place and one verdict, with a scorer that takes its time"
  )
  func slowScorer() async throws {
    try await KillCampaign(quarantine: nil, scorer: .staypos).run(rounds: 5)
  }
}

/// One daemon and its deaths. Uploads, restores, deletions and renames go on at each.
private final class KillCampaign {
  private let daemon: RunningDaemon
  private let oracle: Oracle
  private let quarantine: FilePath
  private let scorer: RunningDaemon.ScorerKind
  private let seed: UInt64
  private var random: SeededGenerator
  /// What was to be restored (false) or deleted (true), and may be so.
  private var ordered: [FilePath: Bool] = [:]
  private var orders = (restores: 0, deletions: 0, renames: 0)

  /// STAYPOS_SEED repeats a campaign, as far as the scheduler lets it.
  init(quarantine: FilePath?, scorer: RunningDaemon.ScorerKind) throws {
    seed = ProcessInfo.processInfo.environment["STAYPOS_SEED"].flatMap(UInt64.init) ?? .random(in: 0..<1_000_000)
    random = SeededGenerator(seed: seed)
    daemon = try RunningDaemon(settle: 10, quarantine: quarantine, scorer: scorer, detector: "workers = 2")
    self.quarantine = quarantine ?? daemon.quarantine
    self.scorer = scorer
    oracle = Oracle(daemon, quarantine: self.quarantine)
  }

  func run(rounds: Int) async throws {
    let start = ContinuousClock.now
    for round in 0..<rounds { try live(round) }
    try daemon.start()
    try await oracle.settle("seed \(seed): ", within: 300)
    for (path, mayBeGone) in ordered {
      oracle.change(path) { delivery in
        let isGone = mayBeGone && !daemon.exists(path) && !isInQuarantine(path)
        delivery.fate = daemon.exists(path) ? .inPlace : isGone ? .gone : .quarantined
      }
    }
    // A verdict is in the history before it is in the journal.
    let problems = try await oracle.judge("seed \(seed): ", journal: .atMostOne)
    Effort.report(
      "kills survived \(problems.isEmpty ? "\(rounds) of \(rounds)" : "0: see seed \(seed)") in "
        + "\(Int((ContinuousClock.now - start) / .seconds(1))) s, with \(oracle.deliveries.count) uploads, "
        + "\(orders.restores) restores, \(orders.deletions) deletions and \(orders.renames) renames")
  }

  /// From one start to its end.
  private func live(_ round: Int) throws {
    let before = Set(try objects())
    let isPatient = random.next() % 4 != 0
    let socket = try daemon.launch()
    if isPatient { while socket.receive(within: 60)?.contains("READY=1") == false {} }
    // Open until the end: replies are of no interest.
    let connection = isPatient ? try ControlConnection(daemon.socket) : nil
    for index in 0..<Int.random(in: 2...5, using: &random) { try drop("\(round)-\(index)") }
    if let connection {
      // Most lives are too short for all that has piled up.
      if round % 8 == 7 { try catchUp() }
      try command(over: connection)
    }
    if isPatient, random.next() % 3 != 0 {
      // Just after a file has arrived in the quarantine: between its move and its verdict, if it hits.
      let deadline = ContinuousClock.now + .milliseconds(300)
      while try before.isSuperset(of: objects()), ContinuousClock.now < deadline { usleep(500) }
      usleep(UInt32.random(in: 0...20_000, using: &random))
    } else {
      usleep(UInt32.random(in: 0...100_000, using: &random))
    }
    try daemon.crash()
  }

  private func catchUp() throws {
    let wanted = oracle.deliveries.count
    let deadline = ContinuousClock.now + .seconds(5)
    while try daemon.verdictCount() < wanted, ContinuousClock.now < deadline { usleep(5000) }
  }

  private func drop(_ name: String) throws {
    switch (random.next() % 8, scorer) {
    case (0...4, .standIn): try oracle.deliver(Data("score \(name)".utf8), as: name, verdict: "flagged")
    case (0...4, .staypos):
      try oracle.deliver(sample: SampleVariants.flagged.randomElement(using: &random)!, as: name)
    case (5, .staypos), (6, .staypos): try oracle.deliver(sample: "real/rocket.jpg", as: name)
    case (5, _), (6, _): try oracle.deliver(Data("clear \(name)".utf8), as: name, verdict: "clear")
    default: try oracle.deliver(Data("text \(name)".utf8), as: name, verdict: "not-scored: unsupported-format")
    }
  }

  private func command(over connection: ControlConnection) throws {
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      guard let object = try objects().randomElement(using: &random),
        let path = try? QuarantinedObject(object).path
      else { break }
      let isDeletion = random.next() % 2 == 0
      ordered[path] = ordered[path] == true || isDeletion
      if isDeletion { orders.deletions += 1 } else { orders.restores += 1 }
      try connection.post(
        isDeletion ? "DeleteQuarantine" : "RestoreQuarantine", ["id": object.lastComponent!.string])
    }
    guard random.next() % 3 == 0 else { return }
    // The verdict of one that has none yet would be under another name.
    let candidate = oracle.deliveries.suffix(40).filter { $0.verdicts == ["clear"] && $0.place == $0.path }
      .randomElement(using: &random)
    guard let path = candidate?.path, try !daemon.entries(on: path).isEmpty else { return }
    let new = path.removingLastComponent().appending("renamed-\(path.lastComponent!.string)")
    try move(path, new)
    oracle.change(path) { $0.place = new }
    orders.renames += 1
  }

  /// Without their records, and without what has not got its name yet.
  private func objects() throws -> [FilePath] {
    guard access(quarantine.string, F_OK) == 0 else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: quarantine.string)
      .filter { !$0.hasPrefix(".") && !$0.hasSuffix(".json") }.sorted().map { quarantine.appending($0) }
  }

  private func isInQuarantine(_ path: FilePath) -> Bool {
    ((try? objects()) ?? []).contains { (try? QuarantinedObject($0).path) == path }
  }
}
