import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `kill -9` at random moments of a working daemon, again and again, and then a look at the disk: with eyes other than
/// the daemon's.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct KillCampaignTests {
  private static var isSharedMemoryElsewhere: Bool {
    var (here, there) = (stat(), stat())
    return stat("/tmp", &here) == 0 && stat("/dev/shm", &there) == 0 && here.st_dev != there.st_dev
  }

  @Test("Pitfall 51: after kill -9 at any moment every file has one place and one verdict")
  func quarantineBesideTheUploads() async throws {
    try await campaign(quarantine: nil)
  }

  @Test(
    "Pitfall 51: after kill -9 at any moment every file has one place and one verdict, across file systems",
    .enabled(if: isSharedMemoryElsewhere, "needs /dev/shm on another file system than /tmp"))
  func quarantineElsewhere() async throws {
    let quarantine = FilePath("/dev/shm/staypos-quarantine-\(UUID())")
    defer { try? FileManager.default.removeItem(atPath: quarantine.string) }
    try await campaign(quarantine: quarantine)
  }

  /// STAYPOS_SEED repeats a campaign, as far as the scheduler lets it; STAYPOS_ROUNDS makes a longer one.
  private func campaign(quarantine: FilePath?) async throws {
    let environment = ProcessInfo.processInfo.environment
    let seed = environment["STAYPOS_SEED"].flatMap(UInt64.init) ?? .random(in: 0..<1_000_000)
    let rounds = environment["STAYPOS_ROUNDS"].flatMap(Int.init) ?? 8
    var random = SeededGenerator(seed: seed)
    let daemon = try RunningDaemon(settle: 20, quarantine: quarantine)
    let directory = quarantine ?? daemon.quarantine
    let oracle = Oracle(daemon, quarantine: directory)
    for round in 0..<rounds {
      let before = try objects(in: directory).count
      let isPatient = random.next() % 4 != 0
      let socket = try daemon.launch()
      if isPatient { while socket.receive(within: 60)?.contains("READY=1") == false {} }
      for index in 0..<Int.random(in: 2...5, using: &random) {
        try drop("\(round)-\(index)", oracle, &random)
      }
      if isPatient, random.next() % 3 != 0 {
        // Just after a file has arrived in the quarantine: between its move and its verdict, if it hits.
        let deadline = ContinuousClock.now + .seconds(1)
        while try objects(in: directory).count == before, ContinuousClock.now < deadline { usleep(200) }
        usleep(UInt32.random(in: 0...20_000, using: &random))
      } else {
        usleep(UInt32.random(in: 0...300_000, using: &random))
      }
      try daemon.signal(SIGKILL)
      _ = try daemon.wait()
    }
    try daemon.start()
    // A verdict is in the history before it is in the journal.
    try await oracle.judge("seed \(seed): ", journal: .atMostOne)
  }

  private func drop(_ name: String, _ oracle: Oracle, _ random: inout SeededGenerator) throws {
    switch random.next() % 8 {
    case 0...4: try oracle.deliver(sample: SampleVariants.flagged.randomElement(using: &random)!, as: name)
    case 5, 6: try oracle.deliver(sample: "real/rocket.jpg", as: name)
    default: try oracle.deliver(Data("text \(name)".utf8), as: name, verdict: "not-scored: unsupported-format")
    }
  }

  /// Without their records, and without what has not got its name yet.
  private func objects(in quarantine: FilePath) throws -> [FilePath] {
    guard access(quarantine.string, F_OK) == 0 else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: quarantine.string)
      .filter { !$0.hasPrefix(".") && !$0.hasSuffix(".json") }.map { quarantine.appending($0) }
  }
}
