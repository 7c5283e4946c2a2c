import Foundation
import Glibc
import StayposCore
import SystemPackage
import Testing

/// Uploads and quarantine on different file systems: a tmpfs of the daemon's own, in a mount namespace of its own, seen
/// from here through /proc/PID/root.
@Suite(
  .serialized, .timeLimit(.minutes(15)),
  .enabled(
    if: geteuid() == 0 && access("/usr/bin/unshare", X_OK) == 0 && access("/usr/bin/setfattr", X_OK) == 0,
    "needs root, unshare (util-linux) and setfattr (attr)"))
struct OtherFilesystemTests {
  /// - Parameter size: of the tmpfs.
  private func daemon(size: String) throws -> (RunningDaemon, quarantine: FilePath, mount: FilePath) {
    let mount = FilePath("/tmp/staypos-mount-\(UUID())")
    try FileManager.default.createDirectory(atPath: mount.string, withIntermediateDirectories: false)
    // Every step is an execve(2): the process that was started is the daemon in the end.
    let script = "mount -t tmpfs -o size=\(size),mode=700 tmpfs \"$0\" && exec \"$@\""
    let daemon = try RunningDaemon(
      quarantine: mount.appending("q"), detector: "workers = 1",
      launcher: ["/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c", script, mount.string])
    try daemon.start()
    return (daemon, FilePath("/proc/\(daemon.processIdentifier)/root\(mount)/q"), mount)
  }

  /// What stat(1), getfattr(1) and cmp(1) would compare.
  private struct Metadata: Equatable {
    var mode: mode_t
    var uid: uid_t
    var gid: gid_t
    var modified: [Int]
    var attributes: String
  }

  private func metadata(_ path: FilePath) throws -> Metadata {
    var status = stat()
    guard lstat(path.string, &status) == 0 else { throw Errno(rawValue: errno) }
    return Metadata(
      mode: status.st_mode, uid: status.st_uid, gid: status.st_gid,
      modified: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec],
      attributes: try run("/usr/bin/getfattr", ["-d", "-m", "-", "-e", "hex", "--absolute-names", path.string]))
  }

  private func run(_ tool: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: tool)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw RunningDaemon.Failure("\(tool): \(text)") }
    return text
  }

  @Test(
    "Pitfall 52: a file comes back from another file system as it was: bytes, owner, mode, times, attributes and ACL")
  func roundTrip() async throws {
    let (daemon, quarantine, mount) = try daemon(size: "16m")
    defer { rmdir(mount.string) }
    var here = stat()
    var there = stat()
    #expect(stat(daemon.uploads.string, &here) == 0 && stat(quarantine.string, &there) == 0)
    try #require(here.st_dev != there.st_dev)

    // Made outside and moved in, so that it is whole when it is looked at.
    let outside = daemon.directory.appending("outside.png")
    let bytes = try SampleVariants.variant(of: "generated/face.png", "elsewhere")
    try daemon.drop(bytes, at: outside)
    _ = try run("/usr/bin/setfattr", ["-n", "user.staypos.origin", "-v", "0x00ff10", outside.string])
    #expect(chown(outside.string, 1234, 4321) == 0 && chmod(outside.string, 0o4640) == 0)
    // An ACL: version 2; user::rw-, user:33:r--, group::r--, mask::r--, other::--- (acl(5), linux/posix_acl_xattr.h).
    _ = try run(
      "/usr/bin/setfattr",
      [
        "-n", "system.posix_acl_access", "-v",
        "0x02000000" + "01000600ffffffff" + "0200040021000000" + "04000400ffffffff" + "10000400ffffffff"
          + "20000000ffffffff", outside.string,
      ])
    var times = [
      timespec(tv_sec: 1_000_000_000, tv_nsec: 123_456_789), timespec(tv_sec: 987_654_321, tv_nsec: 987_654_321),
    ]
    #expect(utimensat(AT_FDCWD, outside.string, &times, 0) == 0)
    let before = try metadata(outside)
    #expect(before.attributes.contains("user.staypos.origin=0x00ff10"))
    #expect(before.attributes.contains("system.posix_acl_access=0x02"))
    let path = daemon.uploads.appending("picture.png")
    #expect(rename(outside.string, path.string) == 0)

    #expect(try await daemon.verdict(on: path)["verdict"] as? String == "flagged")
    #expect(!daemon.exists(path))
    let object = try #require(try daemon.quarantined().first)
    let id = try #require(object["id"] as? String)
    #expect(try Data(contentsOf: URL(filePath: quarantine.appending(id).string)) == bytes)
    var locked = stat()
    #expect(stat(quarantine.appending(id).string, &locked) == 0)
    #expect(locked.st_uid == 0 && locked.st_mode & 0o7777 == 0o400)
    #expect(object["uid"] as? Int == 1234 && object["gid"] as? Int == 4321 && object["mode"] as? String == "4640")

    // Never over another file, wherever that is.
    try daemon.drop(Data("in its place".utf8), at: path)
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("RestoreQuarantine", ["id": id]) }
    #expect(try Data(contentsOf: URL(filePath: path.string)) == Data("in its place".utf8))
    try FileManager.default.removeItem(atPath: path.string)

    _ = try daemon.call("RestoreQuarantine", ["id": id])
    var after = try metadata(path)
    after.attributes = after.attributes.replacing(path.string, with: outside.string)
    #expect(after == before)
    #expect(try Data(contentsOf: URL(filePath: path.string)) == bytes)
    #expect(try FileManager.default.contentsOfDirectory(atPath: quarantine.string) == [])
    // It is known, and stays.
    try await daemon.barrier()
    try await daemon.emptyQueue()
    #expect(daemon.exists(path))
    #expect(try daemon.entries(on: path).filter { $0["verdict"] as? String == "flagged" }.count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: daemon.uploads.string).count == 2)
    #expect(try daemon.stop() == 0)
  }

  @Test("Pitfall 45: a full disk leaves the file where it is, says so, and takes the file when there is room")
  func fullDisk() async throws {
    let (daemon, quarantine, mount) = try daemon(size: "64k")
    defer { rmdir(mount.string) }
    // Larger than the disk.
    let bytes = try SampleVariants.variant(of: "generated/face.png", String(repeating: "x", count: 100_000))
    let path = daemon.uploads.appending("large.png")
    try daemon.drop(bytes, at: path)
    _ = try await daemon.eventually("a failure in the log") {
      daemon.text(daemon.log).contains("\(path)") ? true : nil
    }
    #expect(daemon.text(daemon.log).contains("error: "))
    #expect(try Data(contentsOf: URL(filePath: path.string)) == bytes)
    #expect(try FileManager.default.contentsOfDirectory(atPath: quarantine.string) == [])
    #expect(try daemon.quarantined().isEmpty)
    // Smaller ones still go.
    let small = try daemon.drop("generated/broccoli-1.jpg", as: "small.jpg")
    #expect(try await daemon.verdict(on: small)["verdict"] as? String == "flagged")
    #expect(!daemon.exists(small))

    _ = try run(
      "/usr/bin/nsenter",
      ["--mount", "--target", "\(daemon.processIdentifier)", "mount", "-o", "remount,size=16m", mount.string])
    #expect(try await daemon.verdict(on: path)["quarantineId"] as? String != nil)
    #expect(!daemon.exists(path))
    #expect(try daemon.stop() == 0)
  }
}
