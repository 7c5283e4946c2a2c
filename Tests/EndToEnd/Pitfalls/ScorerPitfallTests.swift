import Foundation
import Glibc
import SystemPackage
import Testing

/// Images and models that scorers cannot cope with; FaultTests has those that kill them.
@Suite(.timeLimit(.minutes(15)))
struct ScorerPitfallTests {
  @Test(
    "Pitfall 36: bombs, huge headers, truncated files and polyglots are not scored, in bounded time and memory",
    .enabled(if: SystemTool.exists("/usr/bin/python3"), "needs python3"))
  func bombs() async throws {
    let daemon = try RunningDaemon(detector: "workers = 2")
    try daemon.start()
    let sample = BuiltExecutables.repository.appending("Samples/real/cat.png")
    let reference = try daemon.drop("real/cat.png", as: "reference.png")
    let expected = try await daemon.verdict(on: reference)
    let scorers = daemon.children()
    let peaks = { try scorers.map { try Self.peakMemory($0) } }
    let times = { try scorers.map { try daemon.processorTime(of: $0) } }
    let before = geteuid() == 0 ? (try peaks(), try times()) : ([], [])
    try SystemTool.run(
      "/usr/bin/python3",
      [
        BuiltExecutables.repository.appending("Tests/Support/hostile_images.py").string, daemon.uploads.string,
        sample.string,
      ])
    let names = try FileManager.default.contentsOfDirectory(atPath: daemon.uploads.string)
    for name in names where name != "reference.png" {
      let entry = try await daemon.verdict(on: daemon.uploads.appending(name))
      if name.contains("whole") {
        // Nobody inflates the text or looks behind the end, neither a viewer nor a scorer.
        #expect(entry["probability"] as? Double == expected["probability"] as? Double, "\(name): \(entry)")
      } else if name == "endless.png" {
        // Nor does anybody look at what comes after the last row.
        #expect(entry["verdict"] as? String == "clear", "\(entry)")
      } else {
        #expect(entry["verdict"] as? String == "not-scored", "\(name): \(entry)")
        let reason = try #require(Self.reasons[name], "\(name) is new here")
        #expect(entry["reason"] as? String == reason, "\(name): \(entry)")
      }
      #expect(daemon.exists(daemon.uploads.appending(name)))
    }
    #expect(Set(Self.reasons.keys).isSubset(of: names))
    #expect(try daemon.quarantined().isEmpty)
    #expect(daemon.children() == scorers, "no scorer has died of it")
    if geteuid() == 0 {
      for (one, other) in zip(before.0, try peaks()) { #expect(other - one < 64 << 20, "\(other - one) bytes") }
      // Not by the clock: other tests run beside this one.
      for (one, other) in zip(before.1, try times()) { #expect(other - one < .seconds(20), "\(other - one)") }
    }
    #expect(try daemon.stop() == 0)
  }

  /// Of those that have no picture to score (Tests/Support/hostile_images.py).
  private static let reasons = [
    "pixels.png": "too-large", "sides.png": "too-large", "header.jpg": "too-large", "scans.jpg": "too-large",
    "length.png": "truncated", "truncated.png": "truncated", "nothing.jpg": "truncated", "two.jpg": "corrupt",
    "after-html.png": "unsupported-format", "after-zip.png": "unsupported-format",
    "after-gif.png": "unsupported-format",
  ]

  /// VmHWM, which only root may read of a scorer.
  private static func peakMemory(_ process: pid_t) throws -> Int {
    let status = String(decoding: try contents(of: FilePath("/proc/\(process)/status")), as: UTF8.self)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 1024
  }

  @Test("Pitfall 38: a model that is missing or corrupt quarantines nothing; readiness and status say so")
  func models() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    let oracle = Oracle(daemon)
    let model = daemon.directory.appending("model.safetensors")
    let good = try contents(of: BuiltExecutables.model)
    let text = daemon.text(daemon.configuration)
    try daemon.write(
      text.replacing(BuiltExecutables.model.string, with: model.string), to: daemon.configuration)
    // Not there, cut short, damaged: it does not become ready, and says why.
    for bytes in [nil, good.prefix(good.count / 2), Data(repeating: 7, count: 100_000)] as [Data?] {
      if let bytes { try bytes.write(to: URL(filePath: model.string)) }
      let ready = try daemon.launch()
      #expect(try daemon.wait() == 78)
      #expect(ready.receive(within: 0) == nil)
      #expect(daemon.text(daemon.log).contains("detector.model"))
    }

    try good.write(to: URL(filePath: model.string))
    try daemon.start()
    _ = try await daemon.eventually("a scorer") { daemon.children().first }
    // A new one that is bad is refused; the old one stays in force.
    let aside = daemon.directory.appending("aside.safetensors")
    try move(model, aside)
    try Data(repeating: 7, count: 100_000).write(to: URL(filePath: model.string))
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("Reload") }
    #expect(try await daemon.awaitDegradation("configuration").contains("detector.model"))
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "old-model.jpg")
    _ = try await daemon.verdict(on: daemon.uploads.appending("old-model.jpg"))

    // Damaged where it lies: the next scorer cannot load it. Files wait.
    #expect(truncate(aside.string, 1000) == 0)
    for scorer in daemon.children() { kill(scorer, SIGKILL) }
    let waiting = try oracle.deliver(sample: "generated/broccoli-2.jpg", as: "waiting.jpg")
    _ = try await daemon.awaitDegradation("scorer")
    #expect(try daemon.status()["state"] as? String == "degraded")
    #expect(try daemon.entries(on: waiting).isEmpty)
    #expect(try daemon.quarantined().count == 1)
    // Mended.
    try FileManager.default.removeItem(atPath: model.string)
    try good.write(to: URL(filePath: model.string))
    _ = try daemon.call("Reload")
    _ = try await daemon.verdict(on: waiting)
    try await daemon.awaitRecovery("scorer")
    try await oracle.judge()
  }
}
