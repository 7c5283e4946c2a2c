import Foundation
import Glibc
import SystemPackage
import Testing

/// What people and programs do in an upload directory, seen through the whole daemon.
@Suite(.timeLimit(.minutes(15)))
struct WatchedUploadsTests {
  /// Beside the uploads, on the same file system, unwatched.
  private func outside(_ daemon: RunningDaemon, _ name: String) throws -> FilePath {
    let directory = daemon.directory.appending("outside")
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    return directory.appending(name)
  }

  private func move(_ from: FilePath, _ to: FilePath) throws {
    guard rename(from.string, to.string) == 0 else { throw Errno(rawValue: errno) }
  }

  @Test("A file and a directory with files that are moved in are scored once each")
  func movedIn() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    let file = try outside(daemon, "face.png")
    try daemon.drop(try SampleVariants.variant(of: "generated/face.png", "moved"), at: file)
    try move(file, daemon.uploads.appending("face.png"))
    let tree = try outside(daemon, "tree")
    var expected = [daemon.uploads.appending("face.png").string: ["flagged"]]
    for (index, directory) in ["", "a", "a/b", "c"].enumerated() {
      let parent = directory.isEmpty ? tree : tree.appending(directory)
      try FileManager.default.createDirectory(atPath: parent.string, withIntermediateDirectories: true)
      for (sample, verdict) in [("generated/broccoli-1.jpg", "flagged"), ("real/rocket.jpg", "clear")] {
        let name = "\(verdict).jpg"
        try daemon.drop(try SampleVariants.variant(of: sample, "tree \(index)"), at: parent.appending(name))
        expected[daemon.uploads.appending("tree/\(directory)").appending(name).string] = [verdict]
      }
    }
    try move(tree, daemon.uploads.appending("tree"))
    _ = try await daemon.verdicts(expected.count)
    // Its watches are in place, too.
    let later = daemon.uploads.appending("tree/a/b/later.jpg")
    try daemon.drop(try SampleVariants.variant(of: "real/rocket.jpg", "later"), at: later)
    expected[later.string] = ["clear"]
    _ = try await daemon.verdict(on: later)
    try await daemon.emptyQueue()
    #expect(try daemon.verdictsByPath() == expected)
    for (path, verdicts) in expected { #expect(daemon.exists(FilePath(path)) == (verdicts == ["clear"]), "\(path)") }
    #expect(try daemon.quarantined().count == 5)
    #expect(try daemon.stop() == 0)
  }

  @Test("A file that is linked in is scored; its other name stays as it was")
  func hardLink() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    let file = try outside(daemon, "face.png")
    let bytes = try SampleVariants.variant(of: "generated/face.png", "linked")
    try daemon.drop(bytes, at: file)
    #expect(chmod(file.string, 0o640) == 0)
    let linked = daemon.uploads.appending("linked.png")
    #expect(link(file.string, linked.string) == 0)
    #expect(try await daemon.verdict(on: linked)["verdict"] as? String == "flagged")
    #expect(!daemon.exists(linked))
    #expect(try Data(contentsOf: URL(filePath: file.string)) == bytes)
    let attributes = try FileManager.default.attributesOfItem(atPath: file.string)
    #expect(attributes[.posixPermissions] as? Int == 0o640)
    #expect(try daemon.stop() == 0)
  }

  @Test("A rename before it has settled, and an upload in pieces, give one verdict on the final state")
  func settling() async throws {
    let daemon = try RunningDaemon(settle: 1000)
    try daemon.start()
    let first = daemon.uploads.appending("upload.part")
    let renamed = daemon.uploads.appending("renamed.png")
    try daemon.drop(try SampleVariants.variant(of: "generated/face.png", "renamed"), at: first)
    try move(first, renamed)

    let pieces = daemon.uploads.appending("pieces.png")
    let bytes = try SampleVariants.variant(of: "real/cat.png", "pieces")
    let size = bytes.count / 20 + 1
    for start in stride(from: 0, to: bytes.count, by: size) {
      let file = try FileDescriptor.open(
        pieces, .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
      try file.closeAfter { _ = try file.writeAll(bytes[start..<min(start + size, bytes.count)]) }
    }

    let replaced = daemon.uploads.appending("replaced.png")
    try daemon.drop(try SampleVariants.variant(of: "real/coins.png", "old"), at: replaced)
    try FileManager.default.removeItem(atPath: replaced.string)
    try daemon.drop(try SampleVariants.variant(of: "generated/face.png", "new"), at: replaced)

    #expect(try await daemon.verdict(on: pieces)["size"] as? Int == bytes.count)
    try await daemon.barrier()
    try await daemon.emptyQueue()
    #expect(
      try daemon.verdictsByPath() == [
        renamed.string: ["flagged"], pieces.string: ["clear"], replaced.string: ["flagged"],
        daemon.uploads.appending("barrier.txt").string: ["not-scored: unsupported-format"],
      ])
    #expect(try daemon.stop() == 0)
  }

  @Test("A file that replaces another atomically is scored; other rights, a new name and an idle writer are no news")
  func replacement() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    let path = daemon.uploads.appending("picture.png")
    try daemon.drop(try SampleVariants.variant(of: "real/coins.png", "first"), at: path)
    #expect(try await daemon.verdict(on: path)["verdict"] as? String == "clear")

    #expect(chmod(path.string, 0o600) == 0)
    try FileDescriptor.open(path, .writeOnly).close()
    let moved = daemon.uploads.appending("moved.png")
    try move(path, moved)
    try await daemon.barrier("one.txt")
    try await daemon.emptyQueue()
    #expect(try daemon.verdictCount() == 2)

    let new = try outside(daemon, "new")
    try daemon.drop(try SampleVariants.variant(of: "generated/face.png", "second"), at: new)
    try move(new, moved)
    #expect(try await daemon.verdict(on: moved)["verdict"] as? String == "flagged")
    #expect(!daemon.exists(moved))
    try await daemon.barrier("two.txt")
    #expect(try daemon.verdictCount() == 4)
    #expect(try daemon.stop() == 0)
  }

  @Test("Symbolic links are not followed, and neither FIFOs, sockets nor locked directories hold anything up")
  func otherKinds() async throws {
    let daemon = try RunningDaemon()
    let directory = try outside(daemon, "directory")
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
    let victim = directory.appending("victim.png")
    try daemon.drop(try RunningDaemon.sample("generated/face.png"), at: victim)
    func populate(_ prefix: String) throws {
      func path(_ name: String) -> String { daemon.uploads.appending("\(prefix)-\(name)").string }
      #expect(symlink(victim.string, path("file.png")) == 0)
      #expect(symlink(directory.string, path("directory")) == 0)
      #expect(symlink(".", path("loop")) == 0)
      #expect(symlink("/nowhere", path("dangling.png")) == 0)
      #expect(mkfifo(path("fifo.png"), 0o666) == 0)
      #expect(mkdir(path("locked"), 0) == 0)
    }
    // Found by the scan, and told by the kernel.
    try populate("before")
    try daemon.start()
    try populate("after")
    let real = try daemon.drop("real/cat.png", as: "cat.png")
    _ = try await daemon.verdict(on: real)
    try await daemon.barrier()
    try await daemon.emptyQueue()
    #expect(try Set(daemon.verdictsByPath().keys) == [real.string, daemon.uploads.appending("barrier.txt").string])
    #expect(try Data(contentsOf: URL(filePath: victim.string)) == RunningDaemon.sample("generated/face.png"))
    await #expect(throws: RunningDaemon.Failure.self) {
      try await daemon.objects("submit", daemon.uploads.appending("after-file.png").string, "--wait")
    }
    #expect(daemon.exists(victim))
    #expect(try daemon.stop() == 0)
  }

  @Test("A file in directories that are made at the same moment is never missed")
  func nestedDirectories() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    let count = 100
    for index in 0..<count {
      let directory = daemon.uploads.appending("\(index)/a/b/c")
      try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
      try daemon.drop(Data("no image: \(index)".utf8), at: directory.appending("file"))
    }
    _ = try await daemon.verdicts(count)
    try await daemon.barrier()
    try await daemon.emptyQueue()
    let verdicts = try daemon.verdictsByPath()
    #expect(verdicts.count == count + 1)
    #expect(verdicts.values.allSatisfy { $0 == ["not-scored: unsupported-format"] })
    #expect(try daemon.stop() == 0)
  }

  @Test("A watched directory that goes away is reported, and watched again when it comes back")
  func lostRoot() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    func kinds() throws -> [String] {
      try #require(try daemon.status()["degradations"] as? [[String: Any]]).compactMap { $0["kind"] as? String }
    }
    for round in 1...3 {
      if round == 2 {
        try move(daemon.uploads, try outside(daemon, "uploads"))
      } else {
        try FileManager.default.removeItem(atPath: daemon.uploads.string)
      }
      _ = try await daemon.eventually("a missing root") { try kinds() == ["root-missing"] ? true : nil }
      #expect(try daemon.status()["state"] as? String == "degraded")
      if round == 2 {
        // What happens to the old directory is no concern of the daemon's any more.
        try daemon.drop(try RunningDaemon.sample("generated/face.png"), at: try outside(daemon, "uploads/face.png"))
      }
      try FileManager.default.createDirectory(atPath: daemon.uploads.string, withIntermediateDirectories: true)
      let file = daemon.uploads.appending("\(round).png")
      try daemon.drop(try SampleVariants.variant(of: "generated/face.png", "round \(round)"), at: file)
      #expect(try await daemon.verdict(on: file)["verdict"] as? String == "flagged")
      #expect(!daemon.exists(file))
      _ = try await daemon.eventually("recovery") { try kinds().isEmpty ? true : nil }
    }
    #expect(daemon.exists(try outside(daemon, "uploads/face.png")))
    #expect(try daemon.verdictCount() == 3)
    #expect(try daemon.stop() == 0)
  }
}
