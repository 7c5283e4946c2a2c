import CLinux
import Foundation
import Glibc
import SystemPackage
import Testing

/// On the way out of the quarantine, and what stands in the way.
@Suite(.timeLimit(.minutes(15)))
struct RestorePitfallTests {
  private static let isRoot = geteuid() == 0

  @Test("Pitfall 52: owner, mode, time, attributes and ACL come back exactly, by number")
  func attributes() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "a.jpg") { path in
      let file = path.string
      #expect(chown(file, Self.isRoot ? 1234 : getuid(), Self.isRoot ? 4321 : getgid()) == 0)
      #expect(chmod(file, 0o4640) == 0)
      #expect(setxattr(file, "user.staypos.origin", [0, 255, 10] as [UInt8], 3, 0) == 0)
      // user::rw-, user:33:r--, group::r--, mask::r--, other::--- (acl(5), linux/posix_acl_xattr.h).
      let entries: [UInt8] =
        [2, 0, 0, 0] + [1, 0, 6, 0, 255, 255, 255, 255] + [2, 0, 4, 0, 33, 0, 0, 0] + [4, 0, 4, 0, 255, 255, 255, 255]
        + [16, 0, 4, 0, 255, 255, 255, 255] + [32, 0, 0, 0, 255, 255, 255, 255]
      #expect(setxattr(file, "system.posix_acl_access", entries, entries.count, 0) == 0)
      var times = [
        timespec(tv_sec: 1_000_000_000, tv_nsec: 123_456_789), timespec(tv_sec: 987_654_321, tv_nsec: 987_654_321),
      ]
      #expect(utimensat(AT_FDCWD, file, &times, 0) == 0)
    }
    let known = try #require(oracle.deliveries[0].attributes)
    #expect(known.extended.count == 2 && known.modified == 987_654_321_987_654_321)
    let id = try #require(try await daemon.verdict(on: path)["quarantineId"] as? String)
    #expect(try FileAttributes(of: daemon.quarantine.appending(id)).mode == 0o400)
    _ = try daemon.call("RestoreQuarantine", ["id": id])
    oracle.change(path) { $0.fate = .inPlace }
    try await oracle.judge()
  }

  @Test("Pitfall 53: a restore overwrites nothing and follows nothing; another path can be named")
  func targets() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "inner/a.jpg")
    let id = try #require(try await daemon.verdict(on: path)["quarantineId"] as? String)
    func refused(_ reason: String, _ arguments: String...) async throws {
      let finished = try await BuiltExecutables.run(
        "staypos-ctl", ["quarantine", "restore", id] + arguments + ["--socket", daemon.socket.string])
      #expect(finished.exitCode == 1, "\(reason)")
      #expect(finished.errors.contains(reason), "\(finished.errors)")
      #expect(try daemon.quarantined().count == 1)
    }
    let precious = Data("precious".utf8)
    try oracle.deliver(precious, as: "inner/a.jpg", verdict: "not-scored: unsupported-format")
    try await refused("nothing is overwritten")
    // Under this name.
    _ = try await daemon.verdicts(2)
    try move(path, daemon.uploads.appending("precious"))
    oracle.change(path) { $0.place = daemon.uploads.appending("precious") }

    let victim = daemon.directory.appending("victim")
    #expect(symlink(victim.string, path.string) == 0)
    try await refused("symbolic link")
    #expect(!daemon.exists(victim))
    #expect(unlink(path.string) == 0)

    let outside = daemon.directory.appending("outside")
    try move(path.removingLastComponent(), outside)
    try await refused("its directory is gone")
    #expect(symlink(outside.string, path.removingLastComponent().string) == 0)
    try await refused("symbolic link")
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside.string) == [])

    let other = daemon.uploads.appending("back.jpg")
    #expect(try await daemon.ctl("quarantine", "restore", id, "--to", other.string).exitCode == 0)
    // Two files were delivered under the first path.
    let flagged = try #require(oracle.deliveries.firstIndex { $0.verdicts == ["flagged"] })
    oracle.change(at: flagged) {
      $0.fate = .inPlace
      $0.place = other
    }
    try await oracle.judge()
  }

  @Test("Pitfall 54: a record that was tampered with is refused, and nothing is written anywhere")
  func tampering() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "inner/a.jpg")
    let id = try #require(try await daemon.verdict(on: path)["quarantineId"] as? String)
    let file = daemon.quarantine.appending("\(id).json")
    let text = daemon.text(file)
    let other = daemon.directory.appending("etc")
    try FileManager.default.createDirectory(atPath: other.string, withIntermediateDirectories: false)
    let digest = try #require(try daemon.entries(on: path).first?["sha256"] as? String)
    for (old, new) in [
      (path.string, "\(daemon.uploads)/inner/../../etc/a.jpg"), (path.string, "\(other)/a.jpg"),
      (path.string, "\(daemon.uploads)/another.jpg"), (path.string, "inner/a.jpg"),
      (digest, String(repeating: "ab", count: 32)), ("\"size\" : ", "\"size\" : 1"), ("\"id\" : \"2", "\"id\" : \"3"),
    ] {
      try #require(text.contains(old))
      try daemon.write(text.replacing(old, with: new), to: file)
      #expect(throws: ControlConnection.Refusal.self, "\(new)") { try daemon.call("RestoreQuarantine", ["id": id]) }
      #expect(!daemon.exists(path), "\(new)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: other.string) == [], "\(new)")
      #expect(daemon.exists(daemon.quarantine.appending(id)), "\(new)")
    }
    // Nor after a restart, which tells of it.
    try daemon.write(text.replacing(path.string, with: "\(other)/a.jpg"), to: file)
    #expect(try daemon.stop() == 0)
    try daemon.start()
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("RestoreQuarantine", ["id": id]) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: other.string) == [])
    #expect(daemon.text(daemon.log).split(separator: "\n").contains { $0.contains(" error: ") && $0.contains(id) })
    // With its record put right all is well.
    try daemon.write(text, to: file)
    _ = try daemon.call("RestoreQuarantine", ["id": id])
    oracle.change(path) { $0.fate = .inPlace }
    try await oracle.judge()
  }

  @Test(
    "Pitfall 55: what the file system forbids is told of, the file stays, and it goes when it may",
    .enabled(
      if: isRoot && RunningDaemon.canUnshareMounts && SystemTool.exists("/usr/bin/chattr"),
      "needs root, util-linux and e2fsprogs"), arguments: ["immutable", "read-only"])
  func forbidden(how: String) async throws {
    let bind = "u=$(dirname \"$3\")/uploads; mount --bind \"$u\" \"$u\""
    let daemon = try RunningDaemon(launcher: RunningDaemon.launcher(mounting: bind))
    let oracle = Oracle(daemon)
    try daemon.start()
    _ = try daemon.call("Pause")
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "inner/a.jpg")
    _ = try await daemon.queued(1)
    let directory = path.removingLastComponent()
    if how == "immutable" {
      try SystemTool.run("/usr/bin/chattr", ["+i", directory.string])
    } else {
      try daemon.inside("mount -o remount,bind,ro '\(daemon.uploads)'")
    }
    defer { _ = try? SystemTool.run("/usr/bin/chattr", ["-i", directory.string]) }
    _ = try daemon.call("Resume")
    try await daemon.eventually("told of") {
      daemon.text(daemon.log).split(separator: "\n").contains { $0.contains(" error: ") && $0.contains("\(path) ") }
        ? () : nil
    }
    // A new attempt writes its record first.
    try await daemon.eventually("an empty quarantine") {
      try FileManager.default.contentsOfDirectory(atPath: daemon.quarantine.string).isEmpty ? () : nil
    }
    #expect(daemon.exists(path))
    #expect(try #require(try daemon.call("ListQueue")["entries"] as? [[String: Any]]).count == 1)
    if how == "immutable" {
      try SystemTool.run("/usr/bin/chattr", ["-i", directory.string])
    } else {
      try daemon.inside("mount -o remount,bind,rw '\(daemon.uploads)'")
    }
    _ = try daemon.call("Reload")
    try await oracle.judge()
  }

  /// Whose daemon may not take a file out of a directory like /tmp.
  @Test(
    "Pitfall 55: a daemon without rights in a sticky directory leaves the file, and says so",
    .enabled(if: isRoot && SystemTool.exists("/usr/bin/setpriv"), "needs root and setpriv (util-linux)"))
  func sticky() async throws {
    let user = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    try #require(
      (try? SystemTool.run(user[0], Array(user.dropFirst()) + [BuiltExecutables.path("stayposd").string, "--version"]))
        != nil)
    let daemon = try RunningDaemon(launcher: user)
    #expect(chown(daemon.directory.string, 65534, 65534) == 0)
    #expect(chmod(daemon.uploads.string, 0o1777) == 0)
    let ready = try daemon.launch()
    #expect(chmod(daemon.directory.appending("notify").string, 0o666) == 0)
    #expect(ready.receive(within: 60) != nil)
    try await daemon.eventually("the first scan") { daemon.text(daemon.log).contains("scan (start)") ? () : nil }
    // Closed under the eyes of the daemon, which may not ask for a lease on a file of somebody else's.
    let bytes = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "sticky")
    let path = daemon.uploads.appending("a.jpg")
    let file = open(path.string, O_WRONLY | O_CREAT, 0o644)
    #expect(bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == bytes.count)
    close(file)
    try await daemon.eventually("told of") {
      daemon.text(daemon.log).split(separator: "\n").contains { $0.contains(" error: ") && $0.contains("\(path) ") }
        ? () : nil
    }
    #expect(try contents(of: path) == bytes)
    try await daemon.eventually("an empty quarantine") {
      try FileManager.default.contentsOfDirectory(atPath: daemon.quarantine.string).isEmpty ? () : nil
    }
    #expect(try daemon.stop() == 0)
  }

  @Test("Pitfall 56: retention deletes what is old with an entry for each, and a full quarantine deletes nothing")
  func limits() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    let oracle = Oracle(daemon)
    let bytes = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "first")
    try daemon.configure("quarantine", "max_bytes = \(bytes.count + 100)")
    try daemon.start()
    let first = try oracle.deliver(bytes, as: "first.jpg", verdict: "flagged")
    let id = try #require(try await daemon.verdict(on: first)["quarantineId"] as? String)
    // Before it is full it is said that it will be.
    #expect(try await daemon.awaitDegradation("quarantine-space").contains("max_bytes"))
    let second = try oracle.deliver(sample: "generated/broccoli-2.jpg", as: "second.jpg")
    try await daemon.eventually("told of") {
      daemon.text(daemon.log).split(separator: "\n").contains { $0.contains(" error: ") && $0.contains("\(second) ") }
        ? () : nil
    }
    #expect(try contents(of: second) == oracle.deliveries[1].bytes)
    #expect(daemon.exists(daemon.quarantine.appending(id)), "evidence is not deleted for want of room")

    // Two days later.
    #expect(try daemon.stop() == 0)
    let record = daemon.quarantine.appending("\(id).json")
    let time = try #require(
      (try QuarantinedObject(daemon.quarantine.appending(id)).record["time"] as? [String: Any])?["nanoseconds"] as? Int)
    try daemon.write(
      daemon.text(record).replacing("\(time)", with: "\(time - 2 * 86_400_000_000_000)"), to: record)
    try daemon.configure("quarantine", "retention_days = 1")
    try daemon.start()
    try await daemon.eventually("an entry for what was deleted") {
      daemon.text(daemon.log).split(separator: "\n").contains {
        $0.contains("deleted from the quarantine") && $0.contains(id) && $0.contains("\(first)")
      } ? () : nil
    }
    oracle.change(first) { $0.fate = .gone }
    // There is room now.
    _ = try daemon.call("Reload")
    _ = try await daemon.verdict(on: second)
    try await oracle.judge()
  }
}
