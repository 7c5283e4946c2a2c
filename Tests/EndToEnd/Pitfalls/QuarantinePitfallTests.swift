import Foundation
import Glibc
import SystemPackage
import Testing

/// On the way into the quarantine.
@Suite(.timeLimit(.minutes(15)))
struct QuarantinePitfallTests {
  @Test("Pitfall 43: the record is on the disk before the file moves, and file and both directories are synced")
  func order() async throws {
    let shim = FaultShim()
    defer { shim.remove() }
    let daemon = try RunningDaemon(detector: "workers = 1", environment: shim.environment())
    let oracle = Oracle(daemon)
    try daemon.start()
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "inner/a.jpg")
    let id = try #require(try await daemon.verdict(on: path)["quarantineId"] as? String)
    let object = daemon.quarantine.appending(id).string
    let calls = try shim.calls()
    /// The position of a call after another one.
    func position(_ call: [String], after start: Int) throws -> Int {
      let index = calls[start...].firstIndex { $0 == call }
      return try #require(index, "\(call) after \(start) in \(calls)")
    }
    let named = try #require(calls.firstIndex { $0.first == "rename" && $0.last == "\(object).json" })
    #expect(calls[..<named].contains(["fsync", calls[named][1]]), "its content before its name")
    let durable = try position(["fsync", daemon.quarantine.string], after: named)
    let moved = try position(["rename", path.string, object], after: durable)
    _ = try position(["fsync", object], after: moved)
    _ = try position(["fsync", daemon.quarantine.string], after: moved)
    _ = try position(["fsync", path.removingLastComponent().string], after: moved)
    try await oracle.judge()
  }

  /// As two ReadWritePaths= of one unit: one file system, two mounts.
  @Test(
    "Pitfall 44: between two mounts, of one file system or of two, the file is copied, checked, synced and then removed",
    .enabled(if: RunningDaemon.canUnshareMounts, "\(RunningDaemon.needsMounts)"),
    arguments: ["--bind \"$q\"", "-t tmpfs none"])
  func otherMounts(mount: String) async throws {
    let shim = FaultShim()
    defer { shim.remove() }
    let script = "q=$(dirname \"$3\")/quarantine; mkdir -m 700 \"$q\"; mount \(mount) \"$q\" && chmod 700 \"$q\""
    let daemon = try RunningDaemon(
      detector: "workers = 1", launcher: RunningDaemon.launcher(mounting: script), environment: shim.environment())
    try daemon.start()
    let quarantine = daemon.seen(daemon.quarantine)
    let oracle = Oracle(daemon, quarantine: quarantine)
    for index in 0..<3 {
      try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "\(index).jpg") { path in
        #expect(chmod(path.string, 0o4751) == 0)
        if geteuid() == 0 { #expect(chown(path.string, 1234, 4321) == 0) }
      }
    }
    for delivery in oracle.deliveries { _ = try await daemon.verdict(on: delivery.path) }
    for object in try daemon.quarantined() {
      let id = try #require(object["id"] as? String)
      #expect(try QuarantinedObject(quarantine.appending(id)).record["copied"] as? Bool == true)
    }
    let calls = try shim.calls().filter { $0.count > 1 }
    let copied = try #require(calls.firstIndex { $0[0] == "rename" && $0[1].hasSuffix(".part") })
    #expect(calls[..<copied].contains(["fsync", calls[copied][1]]), "its bytes before its name")
    let unlinked = try #require(calls.firstIndex { $0[0] == "unlink" && $0[1].hasPrefix(daemon.uploads.string) })
    #expect(calls[copied..<unlinked].contains(["fsync", daemon.quarantine.string]), "its name before the removal")
    // And back.
    let first = try #require(try daemon.entries(on: oracle.deliveries[0].path).first?["quarantineId"] as? String)
    _ = try daemon.call("RestoreQuarantine", ["id": first])
    oracle.change(oracle.deliveries[0].path) {
      $0.fate = .inPlace
      // chown(2) takes nothing away here: it comes back with all its bits.
    }
    try await oracle.judge()
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    var call: String
    var errno: CInt
    /// On things in the quarantine whose names begin so.
    var name: String
    var testDescription: String { "\(call) \(errno) \(name)" }
  }

  @Test(
    "Pitfall 45: ENOSPC, EDQUOT, EIO and EROFS at every call leave the source intact and no entry, and are told of",
    .enabled(if: RunningDaemon.canUnshareMounts, "\(RunningDaemon.needsMounts)"), arguments: [true, false])
  func faults(isCopied: Bool) async throws {
    let shim = FaultShim()
    defer { shim.remove() }
    let bind = "q=$(dirname \"$3\")/quarantine; mkdir -m 700 \"$q\"; mount --bind \"$q\" \"$q\""
    let daemon = try RunningDaemon(
      detector: "workers = 1", launcher: RunningDaemon.launcher(mounting: isCopied ? bind : "true"),
      environment: shim.environment())
    let oracle = Oracle(daemon)
    try daemon.start()
    // Objects begin with the year, their copies with a dot and the year, records with this while they are written.
    var faults = [
      Fault(call: "write", errno: ENOSPC, name: ".staypos-"), Fault(call: "write", errno: EDQUOT, name: ".staypos-"),
      Fault(call: "fsync", errno: EIO, name: ".staypos-"), Fault(call: "rename", errno: EROFS, name: ".staypos-"),
    ]
    if isCopied {
      faults += [
        Fault(call: "copy", errno: ENOSPC, name: ".2"), Fault(call: "copy", errno: EDQUOT, name: ".2"),
        Fault(call: "copy", errno: EIO, name: ".2"), Fault(call: "fsync", errno: EIO, name: ".2"),
        Fault(call: "rename", errno: EIO, name: ".2"),
      ]
    } else {
      faults.append(Fault(call: "fsync", errno: EIO, name: "2"))
    }
    for (index, fault) in faults.enumerated() {
      try shim.fail(fault.call, fault.errno, below: daemon.quarantine.appending(fault.name))
      let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "\(index).jpg")
      try await daemon.eventually("\(fault): told of") {
        daemon.text(daemon.log).split(separator: "\n").contains { $0.contains(" error: ") && $0.contains("\(path) ") }
          ? () : nil
      }
      // At this moment it may be tried again: nothing of an attempt is left when it has ended.
      try await daemon.eventually("\(fault): nothing left") {
        try FileManager.default.contentsOfDirectory(atPath: daemon.quarantine.string).count == 2 * index ? () : nil
      }
      #expect(try contents(of: path) == oracle.deliveries[index].bytes, "\(fault)")
      #expect(try FileAttributes(of: path) == oracle.deliveries[index].attributes, "\(fault)")
      #expect(try daemon.entries(on: path).isEmpty, "\(fault)")
      try shim.mend()
      _ = try daemon.call("Reload")
      #expect(try await daemon.verdict(on: path)["quarantineId"] as? String != nil, "\(fault)")
    }
    // Short writes and copies are no errors.
    try shim.fail("copy", 0, below: daemon.quarantine)
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "short-copy.jpg")
    _ = try await daemon.verdict(on: daemon.uploads.appending("short-copy.jpg"))
    try shim.fail("write", 0, below: daemon.quarantine)
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "short-write.jpg")
    try await oracle.judge()
  }

  /// STAYPOS_SAME_NAMES=1500 is the size of the issue.
  @Test("Pitfall 46: hundreds of files of one name get ids of their own, and nothing is overwritten")
  func oneName() async throws {
    let daemon = try RunningDaemon(settle: 10)
    let oracle = Oracle(daemon)
    try daemon.start()
    for index in 1...Effort.count("STAYPOS_SAME_NAMES", or: 100) {
      let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "same.jpg")
      while daemon.exists(path) { usleep(2000) }
      _ = index
    }
    try await oracle.judge()
    let names = try FileManager.default.contentsOfDirectory(atPath: daemon.quarantine.string)
    #expect(Set(names).count == 2 * oracle.deliveries.count - 2)
  }

  @Test("Pitfall 47: another file with the inode number, size and time of a judged one is scored")
  func inodeNumbers() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    func inode(_ path: FilePath) throws -> ino_t {
      var status = stat()
      guard stat(path.string, &status) == 0 else { throw Errno(rawValue: errno) }
      return status.st_ino
    }
    var reused = 0
    for round in 0..<5 {
      let size = 250_000
      let clear = try padded("real/cat.png", "\(round)", to: size)
      let flagged = try padded("generated/face.png", "\(round)", to: size)
      let path = daemon.uploads.appending("\(round).jpg")
      try daemon.drop(clear, at: path)
      oracle.expect(clear, at: path, verdict: "clear", fate: .gone)
      _ = try await daemon.verdict(on: path)
      let (number, attributes) = (try inode(path), try FileAttributes(of: path))
      #expect(unlink(path.string) == 0)
      let other = daemon.uploads.appending("\(round)-other.jpg")
      try daemon.drop(flagged, at: other)
      if try inode(other) == number { reused += 1 }
      let time = timespec(tv_sec: attributes.modified / 1_000_000_000, tv_nsec: attributes.modified % 1_000_000_000)
      var times = [time, time]
      _ = utimensat(AT_FDCWD, other.string, &times, 0)
      oracle.expect(flagged, at: other, verdict: "flagged")
    }
    if reused == 0 { print("this file system has reused no inode number: the case was not provoked") }
    try await oracle.judge()
  }

  @Test("Pitfall 48: a restore to another link of the same inode is noticed and refused")
  func twoLinksOfOneInode() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let outside = daemon.directory.appending("outside")
    let path = daemon.uploads.appending("a.jpg")
    let bytes = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "linked")
    try daemon.drop(bytes, at: outside)
    #expect(link(outside.string, path.string) == 0)
    oracle.expect(bytes, at: path, verdict: "flagged")
    let id = try #require(try await daemon.verdict(on: path)["quarantineId"] as? String)
    // rename(2) would say that all is well and leave the object where it is.
    #expect(throws: ControlConnection.Refusal.self) {
      try daemon.call("RestoreQuarantine", ["id": id, "to": outside.string])
    }
    #expect(try contents(of: outside) == bytes)
    try await oracle.judge()
  }

  @Test("Pitfall 49: the number of further links is reported, and they are left alone")
  func furtherLinks() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let bytes = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "links")
    let outside = (0..<2).map { daemon.directory.appending("outside-\($0)") }
    try daemon.drop(bytes, at: outside[0])
    #expect(link(outside[0].string, outside[1].string) == 0)
    let attributes = try FileAttributes(of: outside[0])
    let path = daemon.uploads.appending("a.jpg")
    #expect(link(outside[0].string, path.string) == 0)
    oracle.expect(bytes, at: path, verdict: "flagged")
    let entry = try await daemon.verdict(on: path)
    #expect((entry["detail"] as? String)?.contains("2 other names") == true, "\(entry)")
    let id = try #require(entry["quarantineId"] as? String)
    let object = try #require(try daemon.call("GetQuarantine", ["id": id])["object"] as? [String: Any])
    #expect(object["links"] as? Int == 3)
    for name in outside {
      #expect(try contents(of: name) == bytes)
      #expect(try FileAttributes(of: name) == attributes)
    }
    // Through them somebody can change the evidence: that is noticed when it is to be given back.
    let file = try FileDescriptor.open(outside[0], .writeOnly, options: .append)
    _ = try file.closeAfter { try file.writeAll([1]) }
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("RestoreQuarantine", ["id": id]) }
    #expect(ftruncate(file: outside[0], bytes.count) == 0)
    try await oracle.judge()
    #expect(daemon.text(daemon.log).contains("2 other names"))
  }

  @Test(
    "Pitfall 50: a writer that holds the file over its move is noticed and recorded, and its writes are not given back",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"))
  func lateWriter() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    let oracle = Oracle(daemon)
    try daemon.start()
    let path = daemon.uploads.appending("a.png")
    let bytes = try SampleVariants.variant(of: "generated/face.png", "held")
    var writer: CInt = -1
    try await daemon.whileScoring(path, drop: { try daemon.drop(bytes, at: path) }) {
      writer = open(path.string, O_WRONLY)
    }
    try #require(writer >= 0)
    let entry = try await daemon.verdict(on: path)
    let id = try #require(entry["quarantineId"] as? String)
    oracle.expect(bytes, at: path, verdict: "flagged")
    #expect((entry["detail"] as? String)?.contains("open for writing") == true, "\(entry)")
    #expect(try QuarantinedObject(daemon.quarantine.appending(id)).record["writerOpen"] as? Bool == true)
    let object = try #require(try daemon.call("GetQuarantine", ["id": id])["object"] as? [String: Any])
    #expect(object["writerOpen"] as? Bool == true)
    #expect(pwrite(writer, "x", 1, 100) == 1)
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("RestoreQuarantine", ["id": id]) }
    #expect(!daemon.exists(path))
    var old = bytes[100]
    #expect(pwrite(writer, &old, 1, 100) == 1)
    close(writer)
    try await oracle.judge()
  }

  /// With a comment that makes it a certain size.
  private func padded(_ sample: String, _ comment: String, to size: Int) throws -> Data {
    let bare = try SampleVariants.variant(of: sample, comment).count
    let bytes = try SampleVariants.variant(of: sample, comment + String(repeating: "x", count: size - bare))
    try #require(bytes.count == size)
    return bytes
  }

  private func ftruncate(file: FilePath, _ size: Int) -> CInt { truncate(file.string, size) }
}
