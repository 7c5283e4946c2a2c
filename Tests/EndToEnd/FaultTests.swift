import Foundation
import Glibc
import SystemPackage
import Testing

/// Images that scorers cannot cope with.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct FaultTests {
  @Test("Too many pixels and too many bytes are too large; what is just within the limits is scored")
  func limits() async throws {
    let daemon = try RunningDaemon(detector: "max_pixels = 300000\nmax_file_bytes = 250000")
    try daemon.start()
    let pixels = daemon.uploads.appending("pixels.png")
    try daemon.drop(try SampleVariants.plain(width: 601, height: 500), at: pixels)
    let bytes = daemon.uploads.appending("bytes.png")
    try daemon.drop(Data(count: 250_001), at: bytes)
    let within = daemon.uploads.appending("within.png")
    try daemon.drop(try SampleVariants.plain(width: 600, height: 500), at: within)
    let others = try daemon.drop("generated/face.png", as: "face.png")
    for path in [pixels, bytes] {
      let entry = try await daemon.verdict(on: path)
      #expect(entry["verdict"] as? String == "not-scored")
      #expect(entry["reason"] as? String == "too-large", "\(entry)")
      #expect(daemon.exists(path))
    }
    #expect(try await daemon.verdict(on: within)["probability"] as? Double != nil)
    #expect(try await daemon.verdict(on: others)["verdict"] as? String == "flagged")
    #expect(try daemon.stop() == 0)
  }

  @Test(
    "Pitfall 37: a file over which scorers hang is not scored: timeout; the others are",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"))
  func timeout() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1\ntimeout_seconds = 3")
    try daemon.start()
    let path = daemon.uploads.appending("slow.png")
    let saboteur = Saboteur(daemon, on: path, SIGSTOP, times: 2)
    try daemon.drop(try SampleVariants.slow("hang"), at: path)
    let others = try drop(daemon)
    let entry = try await daemon.verdict(on: path)
    #expect(entry["verdict"] as? String == "not-scored")
    #expect(entry["reason"] as? String == "timeout", "\(entry)")
    #expect(daemon.exists(path))
    #expect(saboteur.victims.count == 2)
    #expect(saboteur.victims.allSatisfy { !isAlive($0) })
    try await expect(others, daemon)
    #expect(try daemon.stop() == 0)
  }

  @Test(
    "Pitfall 37: a file over which scorers die three times is not scored, for the reason that shows; the others are",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"),
    arguments: [(SIGSEGV, "decoder-crashed"), (SIGKILL, "out-of-memory")])
  func deaths(signal: CInt, reason: String) async throws {
    let daemon = try RunningDaemon(detector: "workers = 2")
    try daemon.start()
    let path = daemon.uploads.appending("deadly.png")
    let saboteur = Saboteur(daemon, on: path, signal, times: 10)
    try daemon.drop(try SampleVariants.slow("deadly"), at: path)
    let others = try drop(daemon)
    let entry = try await daemon.verdict(on: path)
    #expect(entry["verdict"] as? String == "not-scored")
    #expect(entry["reason"] as? String == reason, "\(entry)")
    #expect(daemon.exists(path))
    #expect(saboteur.victims.count == 3)
    try await expect(others, daemon)
    #expect(try daemon.stop() == 0)
  }

  @Test(
    "Pitfall 37: a file over which one scorer dies gets the verdict that it gets without",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"))
  func oneDeath() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    try daemon.start()
    let path = daemon.uploads.appending("once.png")
    let saboteur = Saboteur(daemon, on: path, SIGSEGV)
    try daemon.drop(try SampleVariants.slow("once"), at: path)
    let entry = try await daemon.verdict(on: path)
    #expect(saboteur.victims.count == 1)
    let twin = daemon.uploads.appending("twin.png")
    try daemon.drop(try SampleVariants.slow("twin"), at: twin)
    let expected = try await daemon.verdict(on: twin)
    #expect(entry["probability"] as? Double != nil, "\(entry)")
    #expect(entry["probability"] as? Double == expected["probability"] as? Double)
    #expect(entry["verdict"] as? String == expected["verdict"] as? String)
    #expect(try daemon.stop() == 0)
  }

  // MARK: Bystanders

  private func drop(_ daemon: RunningDaemon) throws -> [(path: FilePath, verdict: String)] {
    try [("generated/face.png", "flagged"), ("real/cat.png", "clear"), ("generated/broccoli-2.jpg", "flagged")].map {
      (try daemon.drop($0.0, as: "other-\(FilePath($0.0).lastComponent!)"), $0.1)
    }
  }

  private func expect(_ others: [(path: FilePath, verdict: String)], _ daemon: RunningDaemon) async throws {
    for (path, verdict) in others {
      #expect(try await daemon.verdict(on: path)["verdict"] as? String == verdict)
      #expect(daemon.exists(path) == (verdict == "clear"))
    }
  }
}
