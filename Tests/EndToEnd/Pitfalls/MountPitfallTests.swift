import Foundation
import Glibc
import SystemPackage
import Testing

/// Roots that are not there, mounts that come and go, and file systems that do not tell.
@Suite(.timeLimit(.minutes(15)))
struct MountPitfallTests {
  @Test("Pitfall 19: a root that is missing at the start costs nothing, and is picked up when it comes")
  func missingRoot() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try FileManager.default.removeItem(atPath: daemon.uploads.string)
    try daemon.start()
    _ = try await daemon.awaitDegradation("root-missing")
    // Looked at in the quiet: some of its threads may still come to rest.
    try await daemon.eventually("half a second without a turn") {
      let before = try daemon.activity()
      try await Task.sleep(for: .milliseconds(500))
      let after = try daemon.activity()
      return after.switches - before.switches <= 2 && after.ticks == before.ticks ? () : nil
    }
    try FileManager.default.createDirectory(atPath: daemon.uploads.string, withIntermediateDirectories: true)
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "a.jpg")
    try await daemon.awaitRecovery("root-missing")
    try await oracle.judge()
  }

  @Test(
    "Pitfall 20: what is mounted over a watched directory is found and watched",
    .enabled(if: RunningDaemon.canUnshareMounts, "\(RunningDaemon.needsMounts)"))
  func mountedOver() async throws {
    let daemon = try RunningDaemon(launcher: RunningDaemon.launcher(mounting: "true"))
    let point = daemon.uploads.appending("point")
    try FileManager.default.createDirectory(atPath: point.string, withIntermediateDirectories: true)
    let below = point.appending("below")
    try daemon.drop(Data("below".utf8), at: below)
    try daemon.start()
    _ = try await daemon.verdict(on: below)
    try daemon.inside("mount -t tmpfs none '\(point)'")
    let bytes = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "mounted")
    let path = point.appending("face.jpg")
    try daemon.drop(bytes, at: daemon.seen(path))
    #expect(try await daemon.verdict(on: path)["verdict"] as? String == "flagged")
    #expect(!daemon.exists(daemon.seen(path)))
    let later = point.appending("later")
    try daemon.drop(Data("later".utf8), at: daemon.seen(later))
    _ = try await daemon.verdict(on: later)
    try await daemon.barrier()
    #expect(try daemon.verdictsByPath().values.allSatisfy { $0.count == 1 })
    #expect(try daemon.quarantined().count == 1)
    #expect(try daemon.stop() == 0)
  }

  @Test(
    "Pitfall 21: an unmounted root is told of, and armed again when it is mounted",
    .enabled(if: RunningDaemon.canUnshareMounts, "\(RunningDaemon.needsMounts)"))
  func unmounted() async throws {
    let mounting = "mount -t tmpfs none"
    let daemon = try RunningDaemon(launcher: RunningDaemon.launcher(mounting: "true"))
    try daemon.start()
    try daemon.inside("\(mounting) '\(daemon.uploads)'")
    func drop(_ name: String) async throws {
      let path = daemon.uploads.appending(name)
      try daemon.drop(try SampleVariants.variant(of: "generated/broccoli-1.jpg", name), at: daemon.seen(path))
      #expect(try await daemon.verdict(on: path)["verdict"] as? String == "flagged")
      #expect(!daemon.exists(daemon.seen(path)))
    }
    try await drop("one.jpg")
    for round in 0..<3 {
      try daemon.inside("umount -l '\(daemon.uploads)'")
      let detail = try await daemon.awaitDegradation("unmounted")
      #expect(detail.contains(daemon.uploads.string), "\(detail)")
      #expect(try daemon.status()["state"] as? String == "degraded")
      try daemon.inside("\(mounting) '\(daemon.uploads)'")
      try await daemon.awaitRecovery("unmounted")
      try await drop("round-\(round).jpg")
    }
    #expect(try daemon.quarantined().count == 4)
    #expect(try daemon.stop() == 0)
  }

  private static var canMountFUSE: Bool {
    RunningDaemon.canUnshareMounts && access("/dev/fuse", R_OK | W_OK) == 0 && SystemTool.exists("/usr/bin/python3")
  }

  @Test(
    "Pitfall 22: a root on FUSE is known by its type, polled, and status says so",
    .enabled(if: canMountFUSE, "needs root, /dev/fuse, util-linux and python3"))
  func networkFilesystem() async throws {
    let server = BuiltExecutables.repository.appending("Tests/Support/fuse_mirror.py")
    // The daemon's arguments end with the configuration file, which lies beside the uploads.
    let daemon = try RunningDaemon(
      launcher: RunningDaemon.launcher(
        mounting: """
          d=$(dirname "$3"); /usr/bin/python3 '\(server)' "$d/far" "$d/uploads" &
          until mountpoint -q "$d/uploads"; do sleep 0.02; done
          """))
    let far = daemon.directory.appending("far")
    try FileManager.default.createDirectory(atPath: far.string, withIntermediateDirectories: false)
    /// As if it had been there for an hour: nobody tells here whether somebody there still writes.
    func drop(_ bytes: Data, _ name: String) throws -> FilePath {
      let outside = daemon.directory.appending("outside")
      try daemon.drop(bytes, at: outside)
      var times = [timespec(tv_sec: time(nil) - 3600, tv_nsec: 0), timespec(tv_sec: time(nil) - 3600, tv_nsec: 0)]
      #expect(utimensat(AT_FDCWD, outside.string, &times, 0) == 0)
      try move(outside, far.appending(name))
      return daemon.uploads.appending(name)
    }
    let old = try drop(Data("old".utf8), "old")
    try daemon.start()
    #expect(try await daemon.awaitDegradation("network-filesystem").contains("fuse"))
    #expect((try daemon.status()["roots"] as? [[String: Any]])?.first?["state"] as? String == "polling")
    _ = try await daemon.verdict(on: old)
    // No event tells of these.
    let clear = try SampleVariants.variant(of: "real/rocket.jpg", "far")
    let paths = [
      try drop(clear, "clear.jpg"), try drop(SampleVariants.variant(of: "generated/broccoli-1.jpg", "far"), "face.jpg"),
    ]
    #expect(try await daemon.verdict(on: paths[0], within: 90)["verdict"] as? String == "clear")
    let object = try #require(try await daemon.verdict(on: paths[1])["quarantineId"] as? String)
    #expect(!daemon.exists(far.appending("face.jpg")))
    #expect(
      try QuarantinedObject(daemon.quarantine.appending(object)).bytes
        == SampleVariants.variant(of: "generated/broccoli-1.jpg", "far"))
    #expect(try Data(contentsOf: URL(filePath: far.appending("clear.jpg").string)) == clear)
    #expect(try daemon.verdictCount() == 3)
    #expect(try daemon.stop() == 0)
  }

  @Test(
    "Pitfall 23: what two roots reach is scored once, and stays watched when one of them goes",
    .enabled(if: RunningDaemon.canUnshareMounts, "\(RunningDaemon.needsMounts)"))
  func twoRoots() async throws {
    let daemon = try RunningDaemon(launcher: RunningDaemon.launcher(mounting: "true"))
    let second = daemon.directory.appending("second")
    let inner = daemon.uploads.appending("inner")
    for directory in [second, inner] {
      try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    }
    let alone = daemon.text(daemon.configuration)
    let roots = [second, inner].map { "[[watch]]\npath = \"\($0)\"\nsettle_milliseconds = 50\n" }.joined()
    try daemon.write(alone + "\n" + roots, to: daemon.configuration)
    let oracle = Oracle(daemon)
    try daemon.start()
    // The kernel's answer is the same watch for both.
    try daemon.inside("mount --bind '\(daemon.uploads)' '\(second)'")
    try await daemon.eventually("both roots") {
      let status = try daemon.status()
      let states = (status["roots"] as? [[String: Any]] ?? []).map { $0["state"] as? String }
      return states == ["watching", "watching", "watching"] && status["watches"] as? Int == 2 ? () : nil
    }
    for (index, name) in ["a", "inner/b"].enumerated() {
      try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "\(name).jpg")
      try oracle.deliver(Data("text \(index)".utf8), as: name, verdict: "not-scored: unsupported-format")
    }
    for delivery in oracle.deliveries {
      try await daemon.eventually("a verdict on \(delivery.path)") {
        try daemon.verdictsByPath().keys.contains { $0.hasSuffix(delivery.path.lastComponent!.string) } ? () : nil
      }
    }
    try await daemon.emptyQueue()
    #expect(try daemon.verdictCount() == 4)
    #expect(try daemon.quarantined().count == 2)
    try daemon.write(alone, to: daemon.configuration)
    _ = try daemon.call("Reload")
    try oracle.deliver(sample: "generated/broccoli-2.jpg", as: "inner/later.jpg")
    let later = daemon.uploads.appending("inner/later.jpg")
    #expect(try await daemon.verdict(on: later)["verdict"] as? String == "flagged")
    #expect(try daemon.verdictCount() == 5)
    #expect(try daemon.stop() == 0)
  }
}
