import Checkpoints
import Foundation
import Glibc
import ImageDecoding
import StayposCore
import SystemPackage
import Testing

/// `staypos evaluate` and `staypos robustness`, from outside.
@Suite struct EvaluationCommandTests {
  let fixture: OfflineToolFixture

  init() throws {
    fixture = try OfflineToolFixture()
  }

  /// Images of two generators and two kinds of real images, one of them damaged.
  func makeDataset() throws -> FilePath {
    var seed = 0
    for folder in ["real/camera", "real/phone", "fake/sd", "fake/mj"] {
      let path = fixture.directory.appending("set").pushing(FilePath(folder))
      try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
      for index in 0..<4 {
        seed += 1
        let pixels = (0..<3 * 40 * 30).map { UInt8(truncatingIfNeeded: ($0 &* $0 &* seed) / 7 &+ seed &* 31) }
        try fixture.write(
          PNGEncoder.encode(RGBImage(size: ImageSize(width: 40, height: 30), pixels: pixels)),
          named: "set/\(folder)/\(index).png")
      }
    }
    try fixture.write(Array("no image".utf8), named: "set/fake/sd/broken.png")
    return fixture.directory.appending("set")
  }

  func run(_ arguments: String...) async throws -> BuiltExecutables.Finished {
    try await BuiltExecutables.run("staypos", arguments)
  }

  func object(_ finished: BuiltExecutables.Finished) throws -> [String: Any] {
    try #require(finished.lines.count == 1, "\(finished.output) \(finished.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any])
  }

  func contents(_ path: FilePath) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path.string)), as: UTF8.self)
  }

  @Test func scoresAreThoseOfTheScoreCommand() async throws {
    let (data, output) = (try makeDataset(), fixture.directory.appending("new/out"))
    let finished = try await run(
      "evaluate", fixture.model.string, "--data", data.string, "--output", output.string, "--bootstrap", "20", "--json",
      "--precision", "fp32")
    #expect(finished.exitCode == 0)
    let report = try object(finished)
    #expect(report["real"] as? Int == 8 && report["fake"] as? Int == 8)
    let refused = try #require(report["notScored"] as? [[String: Any]])
    #expect(refused.map { $0["path"] as? String } == ["fake/sd/broken.png"])
    #expect(refused.first?["reason"] as? String == "unsupported-format")
    #expect(finished.errors.contains("broken.png"))

    let scored = try await run(
      "score", "--json", "--precision", "fp32", "--model", fixture.model.string, data.string)
    var logits: [String: Double] = [:]
    for line in scored.lines {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let path = try #require(object["path"] as? String)
      if let logit = object["logit"] as? Double { logits[String(path.dropFirst(data.string.count + 1))] = logit }
    }
    let table = try contents(output.appending("scores.csv")).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    #expect(table.first == ["filename", "typ", "label", "group", "split", "tiny"])
    #expect(table.count == 18)
    for row in table.dropFirst() {
      // JSONSerialization may lose the last digit.
      let (found, expected) = (row.last.flatMap { Double($0) }, logits[row[0]])
      #expect((found == nil) == (expected == nil) && abs((found ?? 0) - (expected ?? 0)) < 1e-12, "\(row)")
    }
    let cameras = table.count { $0[1] == "real_camera" }
    #expect(cameras == 4)

    // Somebody else's arithmetic, from the scores in the file alone.
    let rows = table.dropFirst().filter { $0.last?.isEmpty == false }
    let real = rows.filter { $0[2] == "0" }.compactMap { $0.last.flatMap { Double($0) } }
    let fake = rows.filter { $0[1] == "mj" }.compactMap { $0.last.flatMap { Double($0) } }
    let pairs = fake.flatMap { one in real.map { other -> Double in one > other ? 1 : one == other ? 0.5 : 0 } }
    let model = try #require((report["models"] as? [[String: Any]])?.first)
    let generator = try #require((model["generators"] as? [[String: Any]])?.first)
    #expect(generator["name"] as? String == "mj")
    let area = try #require(
      ((generator["metrics"] as? [String: Any])?["rocAUC"] as? [String: Any])?["value"] as? Double)
    #expect(abs(area - pairs.reduce(0, +) / Double(pairs.count)) < 1e-12)

    for name in ["report.md", "report.json", "results.csv", "roc.svg", "precision-recall.svg", "scores-tiny.svg"] {
      #expect(try !contents(output.appending(name)).isEmpty, "\(name)")
    }
    // Given scores say the same as the images that they are of.
    let again = try object(
      try await run(
        "evaluate", "--scores", output.appending("scores.csv").string, "--bootstrap", "20", "--json"))
    #expect(
      ((again["models"] as? [[String: Any]])?.first?["average"] as? NSDictionary)
        == (model["average"] as? NSDictionary))
  }

  /// What is in the file of scores is not scored again, except for images that have changed since.
  @Test func anInterruptedRunGoesOn() async throws {
    let (data, output) = (try makeDataset(), fixture.directory.appending("out"))
    func evaluate() async throws -> [String: Any] {
      try object(
        try await run(
          "evaluate", fixture.model.string, "--data", data.string, "--output", output.string, "--bootstrap", "0",
          "--json"))
    }
    let first = try await evaluate()
    let directory = output.appending("scores")
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: directory.string).first)
    let cache = directory.appending(name)
    var lines = try contents(cache).split(separator: "\n").map(String.init)
    #expect(lines.count == 17)

    // The first two lines as they are, another score for the second image, and the beginning of the third's.
    var fields = lines[2].split(separator: ",").map(String.init)
    fields[3] = "123.5"
    lines[2] = fields.joined(separator: ",")
    try fixture.write(
      Array((lines[0...2].joined(separator: "\n") + "\n" + lines[3].prefix(12)).utf8), named: "out/scores/\(name)")
    _ = try await evaluate()
    let repeated = try contents(cache).split(separator: "\n").map(String.init)
    #expect(Set(repeated) == Set(lines))
    #expect(try contents(output.appending("scores.csv")).contains(",123.5\n"))

    // That image is touched: its score is made again.
    let touched = data.pushing(FilePath(fields[0]))
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: touched.string)
    #expect(try await evaluate() as NSDictionary == first as NSDictionary)
  }

  @Test func severalModelsSideBySide() async throws {
    let data = try makeDataset()
    let other = fixture.directory.appending("other.safetensors")
    try OfflineToolFixture.tinyModel(headWeight: -0.5, head: "linear").write(to: other)
    let finished = try await run(
      "evaluate", fixture.model.string, other.string, "--data", data.string, "--bootstrap", "0", "--fuse", "mean")
    #expect(finished.exitCode == 0)
    for name in ["tiny (other)", "fusion (mean)", "average", "mj", "sd"] {
      #expect(finished.output.contains(name), "\(name): \(finished.output)")
    }
  }

  @Test func sweepsTransformWhatTheyShould() async throws {
    let (data, output) = (try makeDataset(), fixture.directory.appending("out"))
    let finished = try await run(
      "robustness", fixture.model.string, "--data", data.string, "--sweep", "webp", "--values", "90,10", "--bootstrap",
      "20", "--output", output.string, "--json")
    #expect(finished.exitCode == 0, "\(finished.errors)")
    let points = try #require(try object(finished)["points"] as? [[String: Any]])
    #expect(points.map { $0["value"] as? Double } == [nil, 90, 10])
    #expect(points.map { $0["notScored"] as? Int } == [1, 1, 1])
    #expect(try object(finished)["transformed"] as? String == "fake")
    // The real images were scored once, as they are.
    for file in try FileManager.default.contentsOfDirectory(atPath: output.appending("scores").string) {
      let lines = try contents(output.appending("scores").appending(file)).split(separator: "\n")
      #expect(lines.count == (file.contains("original") ? 17 : 9), "\(file)")
    }
    for name in ["webp.md", "webp.csv", "webp.json", "webp-averagePrecision.svg"] {
      #expect(try !contents(output.appending(name)).isEmpty)
    }

    // Against a model that says the opposite: what the one loses the other wins.
    let other = fixture.directory.appending("other.safetensors")
    try OfflineToolFixture.tinyModel(headWeight: -0.5, head: "linear").write(to: other)
    let compared = try await run(
      "robustness", fixture.model.string, other.string, "--data", data.string, "--sweep", "webp", "--values", "90,10",
      "--bootstrap", "20", "--json")
    let report = try object(compared)
    func value(_ object: Any?, _ key: String) throws -> Double {
      let metric = ((object as? [String: Any])?[key] as? [String: Any])?["rocAUC"] as? [String: Any]
      return try #require(metric?["value"] as? Double)
    }
    let strengths = try #require(report["points"] as? [[String: Any]])
    let areas = try strengths.map { try value(($0["models"] as? [Any])?.last, "average") }
    for (point, area) in zip(strengths, areas) {
      #expect(abs(try value((point["models"] as? [Any])?.last, "difference") - (2 * area - 1)) < 1e-12)
    }
    let means = try #require((report["means"] as? [Any])?.last)
    #expect(abs(try value(means, "average") - (areas[1] + areas[2]) / 2) < 1e-12)
    #expect(abs(try value(means, "change") - ((areas[1] + areas[2]) / 2 - areas[0])) < 1e-12)
    #expect(abs(try value(means, "changeDifference") - (areas[1] + areas[2] - 2 * areas[0])) < 1e-12)

    // Strengths that change nothing.
    for sweep in ["blur", "noise", "crop"] {
      let unchanged = try await run(
        "robustness", fixture.model.string, "--data", data.string, "--sweep", sweep, "--values", "0", "--bootstrap",
        "0",
        "--json", "--precision", "fp32")
      let models = try #require(try object(unchanged)["points"] as? [[String: Any]]).map { $0["models"] as? NSArray }
      #expect(models.count == 2 && models[0] == models[1], "\(sweep)")
    }
    // The same seed, the same noise.
    let noisy = ["robustness", fixture.model.string, "--data", data.string, "--sweep", "noise", "--values", "8,16"]
    let (one, same) = (
      try await BuiltExecutables.run("staypos", noisy), try await BuiltExecutables.run("staypos", noisy)
    )
    #expect(one.exitCode == 0 && one.output == same.output)
    #expect(one.lines.count == 7)
  }

  @Test func masksTellWhereToLook() async throws {
    let (data, output) = (try makeDataset(), fixture.directory.appending("out"))
    for folder in ["masks/sd", "masks/fake/mj"] {
      try FileManager.default.createDirectory(
        atPath: fixture.directory.pushing(FilePath(folder)).string, withIntermediateDirectories: true)
    }
    func mask(_ rows: Int, width: Int = 40) throws -> [UInt8] {
      try PNGEncoder.encode(
        RGBImage(
          size: ImageSize(width: width, height: 30),
          pixels: (0..<3 * width * 30).map { $0 < 3 * width * rows ? 255 : 0 }))
    }
    // With and without the label's directory; of another size; the others have none.
    try fixture.write(mask(3), named: "masks/sd/0.png")
    try fixture.write(mask(27), named: "masks/fake/mj/1.png")
    try fixture.write(mask(3, width: 41), named: "masks/fake/mj/2.png")
    let finished = try await run(
      "inpainting", fixture.model.string, "--data", data.string, "--masks", fixture.directory.appending("masks").string,
      "--shares", "50", "--bootstrap", "10", "--output", output.string, "--json")
    #expect(finished.exitCode == 0, "\(finished.errors)")
    #expect(finished.errors.contains("mj/2.png") && finished.errors.contains("6 fake images have no mask"))
    let models = try #require(try object(finished)["models"] as? [[String: Any]])
    let shares = try #require(models.first?["shares"] as? [[String: Any]])
    #expect(shares.map { $0["images"] as? Int } == [1, 1])
    for share in shares {
      let (value, best) = (
        try #require(share["intersectionOverUnion"] as? Double),
        try #require(share["bestIntersectionOverUnion"] as? Double)
      )
      #expect(value >= 0 && value <= best && best <= 1)
    }
    for name in ["md", "csv", "json"] { #expect(try !contents(output.appending("inpainting.\(name)")).isEmpty) }
  }

  @Test func nothingToMeasure() async throws {
    let empty = fixture.directory.appending("empty")
    try FileManager.default.createDirectory(atPath: empty.string, withIntermediateDirectories: true)
    #expect(try await run("evaluate", fixture.model.string, "--data", empty.string).exitCode == 2)
    #expect(try await run("evaluate", "/nowhere", "--data", try makeDataset().string).exitCode == 2)
    let usage = [
      ["evaluate"], ["evaluate", "--data", "x", "--scores", "y"], ["evaluate", "--scores", "y", "model"],
      ["evaluate", "--data", "x", "--metric", "beauty"], ["robustness", "--data", "x"],
      ["robustness", "--data", "x", "--sweep", "jpeg", "--values", "0"],
      ["robustness", "--data", "x", "--sweep", "jpeg", "--values", "a"],
    ]
    for arguments in usage {
      let finished = try await BuiltExecutables.run("staypos", arguments)
      #expect(finished.exitCode == 64, "\(arguments)")
    }
  }
}
