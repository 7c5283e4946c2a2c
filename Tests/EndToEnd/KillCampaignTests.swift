import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// `kill -9` at random moments of a working daemon, again and again, and then a look at the disk: with eyes other than
/// the daemon's.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct KillCampaignTests {
  /// A file that was dropped, and what has to become of it.
  private struct Upload {
    var path: FilePath
    var bytes: Data
    var verdict: String
  }

  private static var isSharedMemoryElsewhere: Bool {
    var (here, there) = (stat(), stat())
    return stat("/tmp", &here) == 0 && stat("/dev/shm", &there) == 0 && here.st_dev != there.st_dev
  }

  @Test("After kill -9 at any moment every file has one place and one verdict")
  func quarantineBesideTheUploads() async throws {
    try await campaign(quarantine: nil)
  }

  @Test(
    "After kill -9 at any moment every file has one place and one verdict, across file systems",
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
    var uploads: [Upload] = []
    for round in 0..<rounds {
      let before = try objects(in: directory).count
      let isPatient = random.next() % 4 != 0
      let socket = try daemon.launch()
      if isPatient { while socket.receive(within: 60)?.contains("READY=1") == false {} }
      for index in 0..<Int.random(in: 2...5, using: &random) {
        let upload = try upload("\(round)-\(index)", in: daemon.uploads, &random)
        try daemon.drop(upload.bytes, at: upload.path)
        uploads.append(upload)
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
    _ = try await daemon.eventually("seed \(seed): verdicts on \(uploads.count) files", within: 60) {
      try daemon.verdictsByPath().count >= uploads.count ? true : nil
    }
    try await daemon.emptyQueue()

    let verdicts = try daemon.verdictsByPath()
    #expect(verdicts.count == uploads.count, "seed \(seed)")
    for upload in uploads {
      let lines = daemon.text(daemon.log).split(separator: "\n").filter { $0.contains("\(upload.path) ") }
      #expect(verdicts[upload.path.string] == [upload.verdict], "seed \(seed): \(lines.joined(separator: "\n"))")
    }
    let listed = try daemon.quarantined().compactMap { $0["path"] as? String }
    #expect(try daemon.stop() == 0)

    let flagged = uploads.filter { $0.verdict == "flagged" }
    #expect(listed.sorted() == flagged.map(\.path.string).sorted(), "seed \(seed)")
    let inQuarantine = try objects(in: directory).map { try Data(contentsOf: URL(filePath: $0.string)) }
    #expect(inQuarantine.count == flagged.count, "seed \(seed)")
    for upload in flagged {
      #expect(inQuarantine.filter { $0 == upload.bytes }.count == 1, "seed \(seed): \(upload.path)")
    }
    // Nothing half-done is left over on either side.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directory.string).count == 2 * flagged.count, "seed \(seed)")
    let kept = uploads.filter { $0.verdict != "flagged" }
    let names = try FileManager.default.contentsOfDirectory(atPath: daemon.uploads.string)
    #expect(names.sorted() == kept.map { $0.path.lastComponent!.string }.sorted(), "seed \(seed)")
    for upload in kept {
      #expect(try Data(contentsOf: URL(filePath: upload.path.string)) == upload.bytes, "seed \(seed): \(upload.path)")
    }
  }

  private func upload(
    _ name: String, in directory: FilePath, _ random: inout SeededGenerator
  ) throws -> Upload {
    let path = directory.appending(name)
    switch random.next() % 8 {
    case 0...4:
      let sample = SampleVariants.flagged.randomElement(using: &random)!
      return Upload(path: path, bytes: try SampleVariants.variant(of: sample, name), verdict: "flagged")
    case 5, 6:
      return Upload(path: path, bytes: try SampleVariants.variant(of: "real/rocket.jpg", name), verdict: "clear")
    default:
      return Upload(path: path, bytes: Data("text \(name)".utf8), verdict: "not-scored: unsupported-format")
    }
  }

  /// Without their records, and without what has not got its name yet.
  private func objects(in quarantine: FilePath) throws -> [FilePath] {
    guard access(quarantine.string, F_OK) == 0 else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: quarantine.string)
      .filter { !$0.hasPrefix(".") && !$0.hasSuffix(".json") }.map { quarantine.appending($0) }
  }
}
