import Checkpoints
import Foundation
import Glibc
import StayposCore
import Subprocess
import SystemPackage
import Testing

/// `staypos model`: checkpoints in, checkpoints out, and what a head is made of.
@Suite struct ModelFileTests {
  private let fixture: OfflineToolFixture

  init() throws {
    fixture = try OfflineToolFixture()
  }

  private func model(_ arguments: String...) async throws -> BuiltExecutables.Finished {
    try await BuiltExecutables.run("staypos", ["model"] + arguments)
  }

  private func object(_ finished: BuiltExecutables.Finished) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any])
  }

  private func path(_ name: String) -> String { fixture.directory.appending(name).string }

  /// A model goes out to PyTorch's format and comes back the same.
  @Test func exportAndImport() async throws {
    let architecture = path("tiny.json")
    let info = try object(await model("info", fixture.model.string, "--json"))
    try JSONSerialization.data(withJSONObject: #require(info["architecture"])).write(to: URL(filePath: architecture))
    for name in ["out.pth", "out.pt", "out.safetensors"] {
      let exported = try await model("export", fixture.model.string, "--output", path(name))
      #expect(exported.exitCode == 0, "\(exported.errors)")
      let inspected = try object(await model("inspect", path(name), "--json"))
      #expect((inspected["tensors"] as? [Any])?.count == 17)
      #expect(inspected["format"] as? String == (name.hasSuffix("safetensors") ? "safetensors" : "pytorch-zip"))

      let imported = try await model(
        "import", path(name), "--architecture", architecture, "--output", path("back.safetensors"), "--name", "back",
        "--threshold", "0.25", "--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25", "--licence", "CC0-1.0", "--json")
      #expect(imported.exitCode == 0, "\(imported.errors)")
      let record = try object(imported)
      #expect(record["tensors"] as? Int == 17 && record["ignored"] as? Int == 0)
      let back = try #require(record["model"] as? [String: Any])
      #expect(back["name"] as? String == "back" && back["threshold"] as? Double == 0.25)
      #expect((back["head"] as? [String: Any])?["kind"] as? String == "positive")
      let card = try #require(back["card"] as? [String: Any])
      let sum = try await run(.name("sha256sum"), arguments: [path(name)], output: .string(limit: 1000))
      let origin = try #require(card["origin"] as? [String: Any])
      #expect(origin["sha256"] as? String == String(sum.standardOutput.prefix(64)))
      #expect(origin["file"] as? String == name && card["licence"] as? String == "CC0-1.0")

      let image = try fixture.write(OfflineToolFixture.png(width: 20, height: 10), named: "image.png").string
      var logits: [Double?] = []
      for file in [fixture.model.string, path("back.safetensors")] {
        let scored = try await BuiltExecutables.run("staypos", ["score", "--json", "--model", file, image])
        logits.append(try object(scored)["logit"] as? Double)
      }
      #expect(logits[0] != nil && logits[0] == logits[1])
    }
    let leftovers = try FileManager.default.contentsOfDirectory(atPath: fixture.directory.string)
    #expect(!leftovers.contains { $0.hasSuffix(".partial") })
  }

  @Test func refusalsLeaveNothingBehind() async throws {
    let program = fixture.directory.appending("program.pth").string
    // A pickle that would run a command: {"x": os.system("touch …")}.
    let command = "touch \(path("owned"))"
    var pickle: [UInt8] = [0x80, 2] + Array("}U\u{1}xcos\nsystem\nX".utf8)
    pickle += withUnsafeBytes(of: UInt32(command.utf8.count).littleEndian) { Array($0) } + Array("\(command)".utf8)
    pickle += [0x85] + Array("Rs.".utf8)
    let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    try fixture.write(magic + [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E, 0x80, 2, 0x7D, 0x2E] + pickle, named: "program.pth")
    let (target, broken) = (path("out.safetensors"), path("broken.json"))
    try fixture.write(Array("before".utf8), named: "out.safetensors")
    try fixture.write(Array(#"{"limits": "x" "data": "y"}"#.utf8), named: "broken.json")
    for (arguments, message) in [
      (["inspect", program], "os.system"),
      (["import", program, "--architecture", "resnet50", "-o", target], "os.system"),
      (
        ["import", fixture.model.string, "--architecture", "resnet50", "-o", target], "tensors of resnet50 are missing"
      ),
      (["import", fixture.model.string, "-o", target], "no architecture that has a name fits"),
      (["import", fixture.model.string, "-o", fixture.model.string], "is the checkpoint itself"),
      (["inspect", path("none.pth")], "No such file"),
      (["export", fixture.model.string, "-o", fixture.model.string], "is the model itself"),
      (["audit", path("none.safetensors")], "No such file"),
      (["card", fixture.model.string, "--card", path("none.json"), "-o", target], "No such file"),
      (["card", fixture.model.string, "--card", program, "-o", target], "is no text"),
      (["card", fixture.model.string, "--card", program, "-o", fixture.model.string], "is the model itself"),
      (["card", fixture.model.string, "--card", broken, "-o", target], "begins like a JSON object"),
      (["card", fixture.model.string, "--card", broken, "-o", broken], "is the card itself"),
    ] {
      let finished = try await BuiltExecutables.run("staypos", ["model"] + arguments)
      #expect(finished.exitCode == 1, "\(arguments)")
      #expect(finished.output.isEmpty)
      #expect(finished.errors.contains(message), "\(finished.errors)")
    }
    #expect(access(path("owned"), F_OK) != 0)
    #expect(FileManager.default.contents(atPath: target) == Data("before".utf8))
    let leftovers = try FileManager.default.contentsOfDirectory(atPath: fixture.directory.string)
    #expect(!leftovers.contains { $0.hasSuffix(".partial") || $0.hasPrefix(".out") })
  }

  @Test(arguments: [
    ["import"], ["import", "x", "--architecture", "resnet51"], ["import", "x", "--fake-class", "2"],
    ["import", "x", "--threshold", "2"], ["import", "x", "--mean", "1,2"], ["export", "-o", "x.bin"], ["inspect"],
    ["audit", "a", "b", "c"], ["card", "x"], ["card", "x", "--card", "x", "-o", "x", "--threshold", "2"],
  ])
  func usageErrorsExitWith64(_ arguments: [String]) async throws {
    #expect(try await BuiltExecutables.run("staypos", ["model"] + arguments).exitCode == 64)
  }

  /// The tiny model's card has a licence.
  @Test func cardsAreWritten() async throws {
    try fixture.write(Array("{\"licence\": null, \"limits\": \"none known\"}".utf8), named: "card.json")
    try fixture.write(Array("Only a test.\n".utf8), named: "card.txt")
    func card(_ file: String) async throws -> [String: String] {
      try #require(try object(await model("info", file, "--json"))["card"] as? [String: String])
    }
    let (one, two) = (path("one.safetensors"), path("two.safetensors"))
    let written = try await model("card", fixture.model.string, "--card", path("card.txt"), "-o", one)
    #expect(written.exitCode == 0, "\(written.errors)")
    #expect(try await card(one) == ["licence": "none", "summary": "Only a test."])
    let arguments = ["card", one, "--card", path("card.json"), "--name", "other", "--threshold", "0.25", "-o", two]
    #expect(try await BuiltExecutables.run("staypos", ["model"] + arguments).exitCode == 0)
    #expect(try object(await model("info", two, "--json"))["threshold"] as? Double == 0.25)
    #expect(try await card(two) == ["limits": "none known", "summary": "Only a test."])
    let info = try await model("info", two)
    #expect(info.output.contains("card: limits") && info.output.contains("other"))
    // A name that no model may have.
    #expect(try await model("card", one, "--card", path("card.json"), "--name", "", "-o", two).exitCode == 1)

    let image = try fixture.write(OfflineToolFixture.png(width: 20, height: 10), named: "image.png").string
    var records: [[String: Any]] = []
    for file in [fixture.model.string, two] {
      records.append(
        try object(await BuiltExecutables.run("staypos", ["score", "--json", "--model", file, image])))
    }
    #expect(records[0]["logit"] as? Double == records[1]["logit"] as? Double && records[0]["logit"] != nil)
    #expect(records[0]["model"] as? String != records[1]["model"] as? String)
  }

  @Test func auditSaysWhatClampingDoes() async throws {
    let linear = path("linear.safetensors")
    var writer = try OfflineToolFixture.tinyModel(head: "linear")
    let plain = try SafetensorsFile(path: fixture.model)
    writer = SafetensorsWriter(metadata: writer.metadata)
    for (name, tensor) in plain.tensors where name != "fc.weight" {
      try writer.add(name, type: tensor.type, shape: tensor.shape, bytes: plain.bytes(of: tensor))
    }
    try writer.add("fc.weight", shape: [1, 4], floats: [0.5, -0.25, 0, -0.5])
    try writer.write(to: FilePath(linear))
    for (name, width) in [("0_real", 40), ("1_fake", 64)] {
      try #require(mkdir(path(name), 0o700) == 0)
      try fixture.write(OfflineToolFixture.png(width: width, height: 48), named: "\(name)/image.png")
    }
    let head = try object(await model("audit", linear, "--json"))
    #expect((head["real"] as? [String: Any])?["features"] as? Int == 2 && head["unused"] as? Int == 1)
    #expect((head["real"] as? [String: Any])?["weight"] as? Double == -0.75 && head["groups"] == nil)

    let finished = try await model("audit", linear, fixture.directory.string, "--json", "--precision", "fp32")
    #expect(finished.exitCode == 0, "\(finished.errors)")
    let record = try object(finished)
    let groups = try #require(record["groups"] as? [String: [String: Any]])
    #expect(Set(groups.keys) == ["real", "generated"])
    // The two model files.
    #expect(record["notScored"] as? Int == 2)
    #expect((record["averagePrecision"] as? [String: Any])?["clamped"] is Double)
    for group in groups.values {
      let real = try #require(group["realScore"] as? Double)
      let difference = try #require(group["clampedLogit"] as? Double) - #require(group["logit"] as? Double)
      #expect(real < 0 && abs(difference + real) < 1e-9)
    }
    let text = try await model("audit", linear, fixture.directory.string)
    #expect(text.exitCode == 0 && text.output.contains("average precision"))

    let empty = path("empty")
    try #require(mkdir(empty, 0o700) == 0)
    #expect(try await model("audit", linear, empty).exitCode == 2)
  }

  private static let published = BuiltExecutables.repository.pushing("../shared/data/checkpoints")

  /// Its logits are published. The file is in ../shared, which is not part of the repository.
  @Test(
    .enabled(
      if: access(published.appending("tinyladeda_forensynth.pth").string, R_OK) == 0, "skipped: no ../shared"))
  func aPublishedDetectorWorksAfterTwoCommands() async throws {
    let checkpoint = Self.published.appending("tinyladeda_forensynth.pth")
    let imported = try await BuiltExecutables.run(
      "staypos", ["model", "import", checkpoint.string], workingDirectory: fixture.directory)
    #expect(imported.exitCode == 0, "\(imported.errors)")
    let images = ["example_real.png", "example_fake.png"].map { Self.published.appending($0).string }
    let scored = try await BuiltExecutables.run(
      "staypos",
      ["score", "--precision", "fp32", "--model", path("tinyladeda_forensynth.safetensors")] + images)
    #expect(scored.exitCode == 1)
    #expect(scored.lines.first?.contains("-30.2495") == true && scored.lines.last?.contains("+55.98") == true)
    // A second time, the first one's model is in the way.
    let again = try await BuiltExecutables.run(
      "staypos", ["model", "import", checkpoint.string], workingDirectory: fixture.directory)
    #expect(again.exitCode == 1 && again.errors.contains("--output"))
    let explained = try await BuiltExecutables.run(
      "staypos",
      ["explain", images[1], "-o", path("map.png"), "--model", path("tinyladeda_forensynth.safetensors")])
    #expect(explained.exitCode == 0)
  }
}
