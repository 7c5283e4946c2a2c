import Foundation
import Glibc
import SystemPackage
import Testing

/// Disks that fill up, and what is seen of it at each stage.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct DiskPolicyTests {
  /// With a quarantine on a small disk of its own, seen from here.
  private func daemon(quarantine size: String) throws -> RunningDaemon {
    let script =
      "q=$(dirname \"$3\")/quarantine; mkdir -m 700 \"$q\"; mount -t tmpfs -o size=\(size),mode=700 none \"$q\""
    return try RunningDaemon(detector: "workers = 1", launcher: RunningDaemon.launcher(mounting: script))
  }

  private func fill(_ daemon: RunningDaemon) throws {
    try daemon.inside("head -c 64M /dev/zero > '\(daemon.quarantine)/filler' 2> /dev/null || true")
  }

  private func errors(_ daemon: RunningDaemon, about path: FilePath) -> Int {
    daemon.text(daemon.log).split(separator: "\n").count { $0.contains(" error: ") && $0.contains("\(path) ") }
  }

  @Test(
    "Pitfall 56: a full quarantine disk is told of at once; others are judged; all is well when there is room again",
    .enabled(if: RunningDaemon.canUnshareMounts, "\(RunningDaemon.needsMounts)"))
  func quarantineDisk() async throws {
    let daemon = try daemon(quarantine: "1m")
    try daemon.start()
    let oracle = Oracle(daemon, quarantine: daemon.seen(daemon.quarantine))
    try fill(daemon)
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "flagged.jpg")
    let detail = try await daemon.awaitDegradation("quarantine-space")
    #expect(detail.contains("no room"))
    #expect(try daemon.status()["state"] as? String == "degraded")
    #expect(errors(daemon, about: path) > 0)
    let clear = try oracle.deliver(sample: "real/rocket.jpg", as: "clear.jpg")
    #expect(try await daemon.verdict(on: clear)["verdict"] as? String == "clear")
    #expect(try daemon.entries(on: path).isEmpty)
    #expect(try contents(of: path) == oracle.deliveries[0].bytes)
    // Others make room, and say nothing.
    try daemon.inside("rm '\(daemon.quarantine)/filler'")
    #expect(try await daemon.verdict(on: path)["quarantineId"] as? String != nil)
    try await daemon.awaitRecovery("quarantine-space")
    try await oracle.judge()
  }

  @Test(
    "Pitfall 56: on a full quarantine disk objects can be deleted, and what waited takes their place at once",
    .enabled(if: RunningDaemon.canUnshareMounts, "\(RunningDaemon.needsMounts)"))
  func deletion() async throws {
    let daemon = try daemon(quarantine: "1m")
    try daemon.start()
    let oracle = Oracle(daemon, quarantine: daemon.seen(daemon.quarantine))
    let first = try oracle.deliver(sample: "generated/face.png", as: "first.png")
    let id = try #require(try await daemon.verdict(on: first)["quarantineId"] as? String)
    try fill(daemon)
    let second = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "second.jpg")
    _ = try await daemon.awaitDegradation("quarantine-space")
    // After some attempts the next is far away.
    try await daemon.eventually("attempts") { errors(daemon, about: second) >= 3 ? () : nil }
    _ = try daemon.call("DeleteQuarantine", ["id": id])
    oracle.change(first) { $0.fate = .gone }
    try await daemon.eventually("a move", within: 4) { try daemon.entries(on: second).isEmpty ? nil : () }
    #expect(try daemon.degradations()["quarantine-space"] == nil)
    try daemon.inside("rm '\(daemon.quarantine)/filler'")
    try await oracle.judge()
  }

  @Test("Pitfall 56: beyond max_bytes flagged files stay, which is said at once, and go when an object is deleted")
  func maximum() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    let oracle = Oracle(daemon)
    let bytes = try SampleVariants.variant(of: "generated/face.png", "first")
    try daemon.configure("quarantine", "max_bytes = \(bytes.count * 3 / 2)")
    try daemon.start()
    let first = try oracle.deliver(bytes, as: "first.png", verdict: "flagged")
    let id = try #require(try await daemon.verdict(on: first)["quarantineId"] as? String)
    #expect(try daemon.degradations().isEmpty)
    let second = try oracle.deliver(sample: "generated/face.png", as: "second.png")
    #expect(try await daemon.awaitDegradation("quarantine-space").contains("used up"))
    try await daemon.eventually("attempts") { errors(daemon, about: second) >= 3 ? () : nil }
    _ = try daemon.call("DeleteQuarantine", ["id": id])
    oracle.change(first) { $0.fate = .gone }
    try await daemon.eventually("a move", within: 4) { try daemon.entries(on: second).isEmpty ? nil : () }
    try await oracle.judge()
  }

  @Test(
    "Pitfall 56: while the state directory takes no writes, files wait, status and journal say so, and nothing is lost",
    arguments: [ENOSPC, EDQUOT, EIO, EROFS])
  func stateDirectory(errno: CInt) async throws {
    let shim = FaultShim()
    defer { shim.remove() }
    let daemon = try RunningDaemon(detector: "workers = 1", environment: shim.environment())
    let oracle = Oracle(daemon)
    try daemon.start()
    // On their way in.
    try shim.fail("write", errno, below: daemon.state)
    try oracle.deliver(sample: "real/rocket.jpg", as: "arrives.jpg")
    let detail = try await daemon.awaitDegradation("catalogue")
    if errno == ENOSPC { #expect(detail.contains("free space")) }
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("SetThreshold", ["value": 0.7]) }
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("Pause") }
    try shim.mend()
    _ = try await daemon.verdict(on: try #require(oracle.deliveries.last).path)
    try await daemon.awaitRecovery("catalogue")

    // On their way to their verdicts: the flagged one has been moved by then.
    _ = try daemon.call("Pause")
    let flagged = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "flagged.jpg")
    try oracle.deliver(sample: "real/rocket.jpg", as: "clear.jpg")
    _ = try await daemon.queued(2)
    _ = try daemon.call("Resume")
    try shim.fail("write", errno, below: daemon.state)
    try await daemon.eventually("a move") { daemon.exists(flagged) ? nil : () }
    _ = try await daemon.awaitDegradation("catalogue")
    #expect(try daemon.entries(on: flagged).isEmpty)
    #expect(daemon.text(daemon.log).contains("degraded: catalogue"))
    // A stop waits for nothing, and the next start finds what to write down.
    #expect(try daemon.stop() == 0)
    try shim.mend()
    try daemon.start()
    #expect(try daemon.degradations().isEmpty)
    try await oracle.judge(journal: .one)
  }

  @Test("Pitfall 56: a daemon whose state directory is full does not start, says what to do, and starts later")
  func start() async throws {
    let shim = FaultShim()
    defer { shim.remove() }
    let daemon = try RunningDaemon(detector: "workers = 1", environment: shim.environment())
    let oracle = Oracle(daemon)
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "flagged.jpg")
    try shim.fail("write", ENOSPC, below: daemon.state)
    try daemon.launch()
    #expect(try daemon.wait() == 1)
    #expect(daemon.text(daemon.log).contains("free space on its file system"))
    try shim.mend()
    try daemon.start()
    try await oracle.judge()
  }
}
