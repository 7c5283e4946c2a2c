import Foundation
import Glibc
import SystemPackage
import Testing

/// What somebody does to a file while a scorer looks at it.
@Suite(.timeLimit(.minutes(15)), .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"))
struct RacePitfallTests {
  private let daemon: RunningDaemon
  private let oracle: Oracle
  private let path: FilePath

  init() throws {
    daemon = try RunningDaemon(detector: "workers = 1")
    oracle = Oracle(daemon)
    path = daemon.uploads.appending("inner/victim")
    try FileManager.default.createDirectory(
      atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
    try daemon.start()
  }

  private func whileScoring(_ bytes: Data, _ action: () async throws -> Void) async throws {
    try await daemon.whileScoring(path, drop: { try daemon.drop(bytes, at: path) }, action)
  }

  private func outside(_ bytes: Data) throws -> FilePath {
    let outside = daemon.directory.appending("outside")
    try daemon.drop(bytes, at: outside)
    return outside
  }

  @Test("Pitfall 31: a verdict is never applied to another inode that took the file's place", arguments: [false, true])
  func replaced(harmless: Bool) async throws {
    let flagged = try SampleVariants.variant(of: "generated/face.png", "old")
    let clear = try SampleVariants.variant(of: "real/cat.png", "new")
    let (old, new) = harmless ? (flagged, clear) : (clear, flagged)
    try await whileScoring(old) { try move(try outside(new), path) }
    // The old one has its verdict and is gone; the new one has its own.
    oracle.expect(old, at: path, verdict: harmless ? "flagged" : "clear", fate: .gone)
    oracle.expect(new, at: path, verdict: harmless ? "clear" : "flagged")
    try await oracle.judge()
  }

  @Test(
    "Pitfall 32: what is modified in place meanwhile is scored again, and only that counts", arguments: [false, true])
  func modified(harmless: Bool) async throws {
    let flagged = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "old")
    let clear = try SampleVariants.variant(of: "real/rocket.jpg", "new")
    let (old, new) = harmless ? (flagged, clear) : (clear, flagged)
    try await whileScoring(old) {
      let before = try FileAttributes(of: path)
      try daemon.drop(new, at: path)
      // Somebody who wants to hide it sets the time back.
      let time = timespec(tv_sec: before.modified / 1_000_000_000, tv_nsec: before.modified % 1_000_000_000)
      var times = [time, time]
      #expect(utimensat(AT_FDCWD, path.string, &times, 0) == 0)
    }
    oracle.expect(new, at: path, verdict: harmless ? "clear" : "flagged")
    try await oracle.judge()
  }

  @Test(
    "Pitfall 33: a file that is renamed meanwhile is found under its new name", arguments: ["inner/new", "other/new"])
  func renamed(name: String) async throws {
    let new = daemon.uploads.appending(name)
    try FileManager.default.createDirectory(
      atPath: new.removingLastComponent().string, withIntermediateDirectories: true)
    let bytes = try SampleVariants.variant(of: "generated/face.png", "renamed")
    try await whileScoring(bytes) { try move(path, new) }
    oracle.expect(bytes, at: new, verdict: "flagged")
    try await oracle.judge()
  }

  @Test("Pitfall 34: a file that is deleted meanwhile is recorded, and breaks nothing")
  func deleted() async throws {
    let bytes = try SampleVariants.variant(of: "generated/face.png", "deleted")
    try await whileScoring(bytes) { #expect(unlink(path.string) == 0) }
    oracle.expect(bytes, at: path, verdict: "flagged", fate: .gone)
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "next.jpg")
    #expect((try await daemon.verdict(on: path)["detail"] as? String)?.contains("deleted") == true)
    try await oracle.judge()
  }

  @Test(
    "Pitfall 35: a parent that is swapped for a symbolic link leads nobody to the victim", arguments: [false, true])
  func swappedParent(isRoot: Bool) async throws {
    let victims = daemon.directory.appending("victims")
    let victim = victims.appending(isRoot ? "inner/victim" : "victim")
    try FileManager.default.createDirectory(
      atPath: victim.removingLastComponent().string, withIntermediateDirectories: true)
    let precious = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "precious")
    try daemon.drop(precious, at: victim)
    oracle.expect(precious, at: victim, verdict: nil, attributes: try FileAttributes(of: victim))

    let bytes = try SampleVariants.variant(of: "generated/face.png", "swapped")
    let parent = isRoot ? daemon.uploads : daemon.uploads.appending("inner")
    let aside = daemon.directory.appending("aside")
    try await whileScoring(bytes) {
      try move(parent, aside)
      #expect(symlink(victims.string, parent.string) == 0)
    }
    // It was flagged, and is out of reach or followed: never anything else than it.
    _ = try await daemon.eventually("a verdict") { try daemon.verdictCount() == 1 ? () : nil }
    try await daemon.emptyQueue()
    let moved = aside.appending(isRoot ? "inner/victim" : "victim")
    if daemon.exists(moved) {
      #expect(try contents(of: moved) == bytes)
      #expect(try daemon.quarantined().isEmpty)
    } else {
      let object = try #require(try daemon.quarantined().first?["id"] as? String)
      #expect(try QuarantinedObject(daemon.quarantine.appending(object)).bytes == bytes)
    }
    #expect(try contents(of: victim) == precious)
    #expect(unlink(parent.string) == 0)
    #expect(try daemon.stop() == 0)
  }
}
