import Foundation
import Glibc
import SystemPackage
import Testing

/// Directories that come, go and move.
@Suite(.timeLimit(.minutes(15)))
struct DirectoryPitfallTests {
  private let daemon: RunningDaemon
  private let oracle: Oracle

  init() throws {
    daemon = try RunningDaemon()
    oracle = Oracle(daemon)
    try daemon.start()
  }

  private func make(_ directory: FilePath) throws {
    try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
  }

  @Test("Pitfall 10: a file in directories that are made at the same moment is scored, and all levels are watched")
  func nested() async throws {
    for index in 0..<40 {
      let directory = daemon.uploads.appending("\(index)/2/3")
      try make(directory)
      let bytes = Data("at once: \(index)".utf8)
      try daemon.drop(bytes, at: directory.appending("file"))
      oracle.expect(bytes, at: directory.appending("file"), verdict: "not-scored: unsupported-format")
    }
    for level in ["", "/2", "/2/3"] {
      try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "7\(level)/later.jpg")
    }
    try await oracle.judge()
  }

  @Test("Pitfall 11: all files of a directory that is moved in are scored")
  func movedIn() async throws {
    let tree = daemon.directory.appending("tree")
    for (index, level) in ["a", "a/b", "a/b/c"].enumerated() {
      try make(tree.appending(level))
      for sample in ["generated/broccoli-1.jpg", "real/rocket.jpg"] {
        let name = "\(level)/\(FilePath(sample).lastComponent!)"
        let bytes = try SampleVariants.variant(of: sample, "moved \(index)")
        try daemon.drop(bytes, at: tree.appending(name))
        oracle.expect(
          bytes, at: daemon.uploads.appending("tree/\(name)"),
          verdict: SampleVariants.flagged.contains(sample) ? "flagged" : "clear",
          attributes: try FileAttributes(of: tree.appending(name)))
      }
    }
    try move(tree, daemon.uploads.appending("tree"))
    try await oracle.judge()
  }

  @Test("Pitfall 12: a directory that is moved out is no concern any more")
  func movedOut() async throws {
    try make(daemon.uploads.appending("album/inner"))
    let path = try oracle.deliver(sample: "real/cat.png", as: "album/inner/cat.png")
    _ = try await daemon.verdict(on: path)
    let outside = daemon.directory.appending("outside")
    try move(daemon.uploads.appending("album"), outside)
    oracle.change(path) { $0.place = outside.appending("inner/cat.png") }
    for name in ["face.png", "inner/face.png"] {
      let bytes = try RunningDaemon.sample("generated/face.png")
      try daemon.drop(bytes, at: outside.appending(name))
      oracle.expect(bytes, at: outside.appending(name), verdict: nil)
    }
    try await daemon.eventually("no watch on what is gone") { try daemon.status()["watches"] as? Int == 1 ? () : nil }
    try await oracle.judge()
  }

  @Test("Pitfall 13: a directory that takes the name of one that was moved out is watched, and events are not mixed")
  func nameTakenOver() async throws {
    let album = daemon.uploads.appending("album")
    for round in 0..<5 {
      try make(album)
      let inside = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "album/\(round).jpg")
      _ = try await daemon.verdict(on: inside)
      let outside = daemon.directory.appending("outside-\(round)")
      try move(album, outside)
      try make(album)
      // The old one and the new one at once.
      let late = outside.appending("late.jpg")
      let bytes = try SampleVariants.variant(of: "generated/face.png", "late \(round)")
      try daemon.drop(bytes, at: late)
      oracle.expect(bytes, at: late, verdict: nil)
      let new = try oracle.deliver(sample: "generated/broccoli-2.jpg", as: "album/new-\(round).jpg")
      _ = try await daemon.verdict(on: new)
    }
    try await oracle.judge()
  }

  @Test("Pitfall 14: files of a directory that is renamed while they wait are found, and told of by their new paths")
  func renamedWhileQueued() async throws {
    _ = try daemon.call("Pause")
    try make(daemon.uploads.appending("before/inner"))
    for name in ["one.jpg", "inner/two.jpg"] {
      let bytes = try SampleVariants.variant(of: "generated/broccoli-1.jpg", name)
      let outside = daemon.directory.appending("outside")
      try daemon.drop(bytes, at: outside)
      let attributes = try FileAttributes(of: outside)
      try move(outside, daemon.uploads.appending("before/\(name)"))
      oracle.expect(bytes, at: daemon.uploads.appending("after/\(name)"), verdict: "flagged", attributes: attributes)
    }
    _ = try await daemon.queued(2)
    try move(daemon.uploads.appending("before"), daemon.uploads.appending("after"))
    _ = try daemon.call("Resume")
    try await oracle.judge()
    #expect(!daemon.text(daemon.log).contains("/before/"))
  }
}
