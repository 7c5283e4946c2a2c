import Foundation
import Glibc
import SystemPackage
import Testing

/// Images that scorers cannot cope with, and a daemon that has to end in the middle of its work.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct FaultTests {
  /// Takes a scorer some tenths of a second.
  private func slow(_ comment: String) throws -> Data {
    var bytes = try SampleVariants.plain(width: 1500, height: 1200)
    bytes.insert(
      contentsOf: SampleVariants.chunk("tEXt", Data("Comment\0\(comment)".utf8)), at: bytes.endIndex - 12)
    return bytes
  }

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
    "A file over which scorers hang is not scored: timeout; the others are",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"))
  func timeout() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1\ntimeout_seconds = 3")
    try daemon.start()
    let path = daemon.uploads.appending("slow.png")
    let saboteur = Saboteur(daemon, on: path, SIGSTOP, times: 2)
    try daemon.drop(try slow("hang"), at: path)
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
    "A file over which scorers die three times is not scored, for the reason that shows; the others are",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"),
    arguments: [(SIGSEGV, "decoder-crashed"), (SIGKILL, "out-of-memory")])
  func deaths(signal: CInt, reason: String) async throws {
    let daemon = try RunningDaemon(detector: "workers = 2")
    try daemon.start()
    let path = daemon.uploads.appending("deadly.png")
    let saboteur = Saboteur(daemon, on: path, signal, times: 10)
    try daemon.drop(try slow("deadly"), at: path)
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
    "A file over which one scorer dies gets the verdict that it gets without",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"))
  func oneDeath() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    try daemon.start()
    let path = daemon.uploads.appending("once.png")
    let saboteur = Saboteur(daemon, on: path, SIGSEGV)
    try daemon.drop(try slow("once"), at: path)
    let entry = try await daemon.verdict(on: path)
    #expect(saboteur.victims.count == 1)
    let twin = daemon.uploads.appending("twin.png")
    try daemon.drop(try slow("twin"), at: twin)
    let expected = try await daemon.verdict(on: twin)
    #expect(entry["probability"] as? Double != nil, "\(entry)")
    #expect(entry["probability"] as? Double == expected["probability"] as? Double)
    #expect(entry["verdict"] as? String == expected["verdict"] as? String)
    #expect(try daemon.stop() == 0)
  }

  @Test(
    "SIGTERM waits for an image that is nearly done, and hands one that hangs back to the queue",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"), arguments: [false, true])
  func stopping(hanging: Bool) async throws {
    let daemon = try RunningDaemon(detector: "workers = 1", extra: "[policy]\nmode = \"observe\"")
    try daemon.start()
    let path = daemon.uploads.appending("slow.png")
    let waiting = daemon.uploads.appending("waiting.png")
    let bytes = try slow("stop")
    let saboteur = Saboteur(daemon, on: path, SIGSTOP)
    try daemon.drop(bytes, at: path)
    let scorer = try await daemon.eventually("a stopped scorer") { saboteur.victims.first }
    try daemon.drop(try slow("wait"), at: waiting)
    let start = ContinuousClock.now
    try daemon.signal(SIGTERM)
    if !hanging {
      // It has stopped listening, and waits for its workers.
      _ = try await daemon.eventually("the end of the control socket") {
        (try? ControlConnection(daemon.socket)) == nil ? true : nil
      }
      kill(scorer, SIGCONT)
    }
    #expect(try daemon.wait() == 0)
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(!isAlive(scorer))
    #expect(try Data(contentsOf: URL(filePath: path.string)) == bytes)

    try daemon.start()
    if !hanging { #expect(try daemon.entries(on: path).count == 1, "it had its verdict before the end") }
    for path in [path, waiting] {
      #expect(try await daemon.verdict(on: path)["probability"] as? Double != nil)
      #expect(try daemon.entries(on: path).count == 1)
    }
    #expect(try daemon.stop() == 0)
  }

  @Test("Hundreds of files and several reloads leave no descriptor, process or memory behind")
  func leaks() async throws {
    let daemon = try RunningDaemon(settle: 20, detector: "workers = 2")
    try daemon.start()
    var dropped = 0
    func drop(_ count: Int) throws {
      for _ in 0..<count {
        let path = daemon.uploads.appending("\(dropped)")
        dropped += 1
        try daemon.drop(
          dropped % 3 == 0
            ? try SampleVariants.variant(of: "generated/broccoli-1.jpg", "\(dropped)") : Data("text \(dropped)".utf8),
          at: path)
      }
    }
    func settle() async throws {
      let count = dropped
      _ = try await daemon.eventually("\(count) verdicts", within: 60) {
        try daemon.verdictCount() >= count ? true : nil
      }
      try await daemon.emptyQueue()
    }
    try drop(50)
    try await settle()
    _ = try daemon.call("Reload")
    try drop(20)
    try await settle()
    let descriptors = try daemon.openDescriptors()
    let memory = try daemon.anonymousMemory()
    for _ in 0..<4 {
      _ = try daemon.call("Reload")
      try drop(60)
      try await settle()
    }
    // A worker changes to a new model's scorer with its next file.
    _ = try await daemon.eventually("no more than \(descriptors) descriptors") {
      try drop(1)
      try await settle()
      return try daemon.openDescriptors() <= descriptors ? true : nil
    }
    #expect(daemon.children().count == 2)
    #expect(try daemon.anonymousMemory() - memory < 16 << 20)
    #expect(try daemon.verdictCount() == dropped)
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
