import Checkpoints
import Foundation
import Glibc
import ImageDecoding
import StayposCore
import Subprocess
import SystemPackage
import Testing

/// The executable `staypos`, from outside.
@Suite struct OfflineToolTests {
  let fixture: OfflineToolFixture

  init() throws {
    fixture = try OfflineToolFixture()
  }

  func score(_ arguments: [FilePath], _ options: String...) async throws -> BuiltExecutables.Finished {
    try await BuiltExecutables.run(
      "staypos",
      ["score", "--model", fixture.model.string, "--threads", "1"].map { Array($0.utf8) }
        + options.map { Array($0.utf8) } + arguments.map(\.bytes))
  }

  func objects(_ finished: BuiltExecutables.Finished) throws -> [[String: Any]] {
    try finished.lines.map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  // MARK: - score

  @Test func exitCodesTellTheWorstVerdict() async throws {
    let image = try fixture.write(OfflineToolFixture.png(width: 20, height: 10), named: "image.png")
    let text = try fixture.write(Array("no image".utf8), named: "text.png")
    #expect(try await score([image], "--threshold", "1").exitCode == 0)
    #expect(try await score([image], "--threshold", "0").exitCode == 1)
    #expect(try await score([text], "--threshold", "1").exitCode == 2)
    #expect(try await score([image, text], "--threshold", "1").exitCode == 2)
    #expect(try await score([image, text], "--threshold", "0").exitCode == 1)
  }

  @Test(arguments: [
    ["score"], ["score", "--no-such-option", "x"], ["score", "--threshold", "2", "x"],
    ["score", "--threshold", "nan", "x"],
    ["train", "backbone", "x", "-o", "y", "--precision", "int8"], ["score", "--max-pixels", "0", "x"],
    ["explain", "x"], ["bench", "--size", "0x5"], ["model", "info", "a", "b"],
    ["nonsense"],
  ])
  func usageErrorsExitWith64(_ arguments: [String]) async throws {
    let finished = try await BuiltExecutables.run("staypos", arguments)
    #expect(finished.exitCode == 64)
    #expect(finished.output.isEmpty)
    #expect(!finished.errors.isEmpty)
  }

  /// A wrong directory would look like one in which all is well.
  @Test func anEmptyDirectoryIsMentioned() async throws {
    let empty = fixture.directory.appending("empty")
    try FileManager.default.createDirectory(atPath: empty.string, withIntermediateDirectories: true)
    let finished = try await score([empty])
    #expect(finished.exitCode == 0 && finished.output.isEmpty)
    #expect(finished.errors == "staypos: there are no files in \(empty.string)\n")
  }

  @Test func jsonHasTheKeysOfTheContract() async throws {
    let bytes = try OfflineToolFixture.png(width: 20, height: 10)
    let image = try fixture.write(bytes, named: "image.png")
    let missing = fixture.directory.appending("missing.png")
    let finished = try await score([image, missing], "--threshold", "0.25", "--json")
    let records = try objects(finished)
    try #require(records.count == 2)
    let keys: Set = [
      "path", "verdict", "reason", "probability", "logit", "realScore", "fakeScore", "bias", "threshold", "width",
      "height", "sha256", "model", "seconds",
    ]
    for record in records { #expect(keys.isSubset(of: record.keys)) }
    #expect(!records[0].keys.contains("pathBase64"))

    let scored = records[0]
    #expect(scored["path"] as? String == image.string)
    #expect(scored["verdict"] as? String == "flagged")
    #expect(scored["reason"] is NSNull)
    #expect(scored["width"] as? Int == 20)
    #expect(scored["height"] as? Int == 10)
    #expect(scored["threshold"] as? Double == 0.25)
    #expect(scored["bias"] as? Double == -0.25)
    #expect(scored["realScore"] as? Double == 0)
    let logit = try #require(scored["logit"] as? Double)
    let fakeScore = try #require(scored["fakeScore"] as? Double)
    #expect(abs(logit - (fakeScore - 0.25)) < 1e-12)
    #expect(try abs(#require(scored["probability"] as? Double) - 1 / (1 + exp(-logit))) < 1e-12)
    // sha256sum(1) is somebody else's SHA-256.
    for (key, path) in [("sha256", image), ("model", fixture.model)] {
      let sum = try await run(.name("sha256sum"), arguments: [path.string], output: .string(limit: 1000))
      #expect(sum.standardOutput.prefix(64) == (scored[key] as? String)?.prefix(64) ?? "none")
    }

    #expect(records[1]["verdict"] as? String == "not-scored")
    #expect(records[1]["reason"] as? String == "vanished")
    #expect(records[1]["logit"] is NSNull)
    #expect(records[1]["sha256"] is NSNull)
  }

  @Test func saysWhyAFileIsNotScored() async throws {
    let png = try OfflineToolFixture.png(width: 64, height: 64)
    let truncated = try fixture.write(Array(png.prefix(png.count / 2)), named: "truncated.png")
    let empty = try fixture.write([], named: "empty.png")
    let text = try fixture.write(Array("hello".utf8), named: "text.png")
    let fifo = fixture.directory.appending("fifo")
    try #require(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
    let loop = fixture.directory.appending("loop")
    try #require(symlink("loop", loop.string) == 0)
    let finished = try await score([truncated, empty, text, fifo, loop, "/dev/null"], "--json")
    #expect(finished.exitCode == 2)
    #expect(
      try objects(finished).map { $0["reason"] as? String } == [
        "truncated", "empty", "unsupported-format", "unsupported-format", "io-error", "unsupported-format",
      ])
  }

  @Test func limitsAreVerdictsNotErrors() async throws {
    let image = try fixture.write(OfflineToolFixture.png(width: 64, height: 64), named: "image.png")
    for limit in ["--max-pixels", "--max-bytes"] {
      let finished = try await score([image], limit, "100", "--json")
      #expect(finished.exitCode == 2)
      #expect(try objects(finished).first?["reason"] as? String == "too-large", "\(limit)")
    }
  }

  // Root may read everything: the test needs another user.
  @Test(.enabled(if: geteuid() != 0, "runs as root, who may read everything"))
  func anUnreadableFileIsNotScored() async throws {
    let image = try fixture.write(OfflineToolFixture.png(width: 4, height: 4), named: "secret.png")
    try #require(image.withPlatformString { chmod($0, 0) } == 0)
    let finished = try await score([image], "--json")
    #expect(finished.exitCode == 2)
    #expect(try objects(finished).first?["reason"] as? String == "permission-denied")
  }

  @Test func namesThatAreNotUTF8AreKept() async throws {
    let name: [UInt8] = [0x66, 0xFF, 0x0A, 0x1B, 0xC3] + Array("é\u{F7FF}.png".utf8)
    let image = try fixture.write(OfflineToolFixture.png(width: 8, height: 8), named: name)
    for argument in [image, fixture.directory] {
      let records = try objects(await score([argument], "--json")).filter { $0["verdict"] as? String != "not-scored" }
      try #require(records.count == 1, "\(argument)")
      let base64 = try #require(records[0]["pathBase64"] as? String)
      #expect(try Array(#require(Data(base64Encoded: base64))) == image.bytes)
    }
    let line = try #require(try await score([image]).lines.first)
    #expect(line.contains(#"f\xff\x0a\x1b\xc3é"#))
  }

  @Test func directoriesAreWalkedInOrder() async throws {
    let png = try OfflineToolFixture.png(width: 4, height: 4)
    let tree = fixture.directory.appending("tree")
    for name in ["tree", "tree/b", "tree/empty"] {
      try #require(mkdir(fixture.directory.appending(name).string, 0o700) == 0)
    }
    for name in ["tree/c.png", "tree/b/z.png", "tree/b/a.png", "tree/a.txt"] { try fixture.write(png, named: name) }
    try #require(symlink("c.png", tree.appending("link.png").string) == 0)
    try #require(symlink(".", tree.appending("cycle").string) == 0)
    try #require(tree.appending("fifo").withPlatformString { mkfifo($0, 0o600) } == 0)
    let finished = try await score([tree], "--json", "--threshold", "1")
    #expect(finished.exitCode == 0)
    #expect(
      try objects(finished).map { $0["path"] as? String } == [
        "\(tree)/a.txt", "\(tree)/b/a.png", "\(tree)/b/z.png", "\(tree)/c.png",
      ])
  }

  @Test func aPipeGetsTabsAndNoColour() async throws {
    let image = try fixture.write(OfflineToolFixture.png(width: 4, height: 4), named: "image.png")
    let finished = try await score([image, fixture.directory.appending("none")], "--threshold", "1")
    #expect(finished.lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false).count } == [5, 5])
    #expect(finished.lines.first?.hasPrefix("clear\t0.") == true)
    #expect(!finished.output.contains("\u{1B}"))
  }

  @Test func withoutAModelThereIsNoVerdict() async throws {
    let image = try fixture.write(OfflineToolFixture.png(width: 4, height: 4), named: "image.png")
    let missing = fixture.directory.appending("none.safetensors").string
    let named = try await BuiltExecutables.run("staypos", ["score", "--model", missing, image.string])
    #expect(named.exitCode == 2)
    #expect(named.output.isEmpty)
    #expect(named.errors.contains(missing))
    let fromEnvironment = try await BuiltExecutables.run(
      "staypos", ["score", image.string], environment: .inherit.updating(["STAYPOS_MODEL": missing]))
    #expect(fromEnvironment.exitCode == 2)
    #expect(fromEnvironment.errors.contains(missing))
  }

  // MARK: - explain

  @Test func explainWritesAPictureOfTheImageWithAScale() async throws {
    let image = try fixture.write(OfflineToolFixture.png(width: 400, height: 500), named: "image.png")
    let output = fixture.directory.appending("map.png")
    let finished = try await BuiltExecutables.run(
      "staypos",
      ["explain", image.string, "--output", output.string, "--model", fixture.model.string, "--json"])
    #expect(finished.exitCode == 0)
    let record = try #require(try objects(finished).first)
    #expect(record["path"] as? String == image.string)
    let file = try FileDescriptor.open(output, .readOnly)
    let picture = try file.closeAfter { try RGBImage.decode(descriptor: file.rawValue, limits: ImageLimits()) }
    // At its own size, with a margin, title and caption above and below, the scale beside it.
    #expect((401...700).contains(picture.size.width))
    #expect((501...800).contains(picture.size.height))
    let leftovers = try FileManager.default.contentsOfDirectory(atPath: fixture.directory.string)
    #expect(!leftovers.contains { $0.hasSuffix(".partial") })
  }

  @Test func explainNeverReplacesTheImage() async throws {
    let bytes = try OfflineToolFixture.png(width: 8, height: 8)
    let image = try fixture.write(bytes, named: "image.png")
    try #require(link(image.string, fixture.directory.appending("other.png").string) == 0)
    let finished = try await BuiltExecutables.run(
      "staypos",
      ["explain", image.string, "-o", fixture.directory.appending("other.png").string, "--model", fixture.model.string])
    #expect(finished.exitCode == 64)
    #expect(FileManager.default.contents(atPath: image.string).map { Array($0) } == bytes)
  }

  @Test func explainWithoutAScoreWritesNothing() async throws {
    let text = try fixture.write(Array("no image".utf8), named: "text.png")
    let output = fixture.directory.appending("map.png")
    let finished = try await BuiltExecutables.run(
      "staypos", ["explain", text.string, "-o", output.string, "--model", fixture.model.string])
    #expect(finished.exitCode == 2)
    #expect(!FileManager.default.fileExists(atPath: output.string))
  }

  // MARK: - model, bench, help

  @Test func modelInfoAndVerify() async throws {
    let info = try await BuiltExecutables.run("staypos", ["model", "info", fixture.model.string, "--json"])
    #expect(info.exitCode == 0)
    let record = try #require(try objects(info).first)
    #expect(record["name"] as? String == "tiny")
    #expect(record["family"] as? String == "resnet")
    #expect((record["card"] as? [String: Any])?["licence"] as? String == "none")
    #expect((record["head"] as? [String: Any])?["positive"] as? Int == 4)
    let verify = try await BuiltExecutables.run("staypos", ["model", "verify", fixture.model.string])
    #expect(verify.exitCode == 0)
    #expect(verify.lines.allSatisfy { $0.hasPrefix("ok ") })
  }

  @Test func aHeadThatIsNotPositiveFails() async throws {
    let path = fixture.directory.appending("negative.safetensors")
    try OfflineToolFixture.tinyModel(headWeight: -0.5).write(to: path)
    let verify = try await BuiltExecutables.run("staypos", ["model", "verify", path.string])
    #expect(verify.exitCode == 1)
    #expect(verify.output.contains("below zero"))
  }

  @Test func benchMeasuresEverySize() async throws {
    let finished = try await BuiltExecutables.run(
      "staypos",
      ["bench", "--model", fixture.model.string, "--size", "16x16", "--size", "40x24", "--repeat", "2", "--json"])
    #expect(finished.exitCode == 0)
    let records = try objects(finished)
    #expect(records.map { $0["width"] as? Int } == [16, 40])
    for record in records {
      #expect(try #require(record["megapixelsPerSecond"] as? Double) > 0)
      #expect(try #require(record["peakBytes"] as? Int) > 1 << 20)
      #expect(record["repeats"] as? Int == 2)
    }
  }

  @Test func helpAndVersion() async throws {
    let version = try await BuiltExecutables.run("staypos", ["--version"])
    #expect(version.exitCode == 0)
    #expect(version.output == "staypos \(StayposVersion.current)\n")
    for command in [["score"], ["explain"], ["model", "info"], ["model", "verify"], ["bench"]] {
      let help = try await BuiltExecutables.run("staypos", command + ["--help"])
      #expect(help.exitCode == 0)
      #expect(help.output.contains("EXAMPLE"), "\(command)")
    }
  }
}
