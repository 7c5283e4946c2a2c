import Detection
import Foundation
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Training

/// The executable itself, on real files: a trained head, then a calibrated model, which score as they should.
@Suite struct CommandTests {
  private let directory = TemporaryDirectory()

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Smooth ramps are "real", noise is "generated": any network tells them apart.
  private func makeDataset(_ count: Int) throws {
    var random = SeededGenerator(seed: 4)
    for (label, isNoise) in [("0_real", false), ("1_fake", true)] {
      _ = directory.makeDirectory(label)
      for index in 0..<count {
        let size = ImageSize(width: 40 + index % 3, height: 40)
        let base = Int.random(in: 0..<150, using: &random)
        let pixels = (0..<size.width * size.height * 3).map { offset in
          isNoise ? UInt8.random(in: 0...255, using: &random) : UInt8(base + offset / (3 * size.width))
        }
        let bytes = try PNGEncoder.encode(RGBImage(size: size, pixels: pixels))
        let path = directory.path(label).appending("\(index).png")
        try Data(bytes).write(to: URL(filePath: path.string))
      }
    }
    directory.write("no image", to: "0_real/readme.txt")
  }

  private var model: String { Self.root.appendingPathComponent("Models/default.safetensors").path }
  private var cache: String { directory.path("features").string }
  /// A file holds features of one precision.
  private var scoringCache: String { directory.path("scoring-features").string }

  @Test func aHeadIsTrainedAndCalibrated() throws {
    try makeDataset(24)
    let trained = directory.path("trained.safetensors")
    let arguments = [
      "train", "head", directory.path.string, "--model", model, "--cache", cache, "--output", trained.string, "--json",
      "--plot", directory.path("loss.svg").string, "--validation-share", "0.25", "--l2", "0.001", "--name", "ramps",
    ]
    let first = try TrainingExecutable.run(arguments)
    try #require(first.status == 0, "\(first.complaints)")
    #expect(first.complaints.contains("readme.txt: left out: unsupported-format"))
    let record = try #require(try JSONSerialization.jsonObject(with: first.output) as? [String: Any])
    #expect(record["notScored"] as? Int == 1)
    let training = try #require(record["training"] as? [String: Any])
    let validation = try #require(record["validation"] as? [String: Any])
    #expect((training["real"] as? Int ?? 0) + (validation["real"] as? Int ?? 0) == 24)
    #expect(training["balancedAccuracy"] as? Double == 1)
    let info = try Model(path: trained).info
    #expect(info.name == "ramps" && info.head == .positive && info.threshold.value == 0.5)
    #expect(info.card?.contains("\"licence\":\"Apache-2.0\"") == true)
    #expect(FileManager.default.fileExists(atPath: directory.path("loss.svg").string))
    // Again, with all features known: the same model to the byte, but for the time that it took.
    let bytes = FileManager.default.contents(atPath: cache)
    #expect(try TrainingExecutable.run(arguments).status == 0)
    #expect(FileManager.default.contents(atPath: cache) == bytes)
    try calibrate(trained)
    try calibrateByScores(trained)
  }

  private func calibrate(_ trained: FilePath) throws {
    let calibrated = directory.path("calibrated.safetensors")
    let result = try TrainingExecutable.run([
      "calibrate", "--false-positive-rate", "0.1", directory.path("0_real").string, "--generated",
      directory.path("1_fake").string, "--temperature", "--model", trained.string, "--cache", scoringCache, "--output",
      calibrated.string, "--json",
    ])
    try #require(result.status == 0, "\(result.complaints)")
    let record = try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
    #expect(record["realImages"] as? Int == 24 && record["flaggedRealImages"] as? Int == 2)
    #expect(record["foundGeneratedImages"] as? Int == 24)
    // The detector itself counts the same: two of the real ones are flagged, and all that are generated.
    let detector = try Detector.load(calibrated, precision: .auto)
    #expect(detector.model.card?.contains("calibration") == true)
    for (label, flagged) in [("0_real", 2), ("1_fake", 24)] {
      var count = 0
      for index in 0..<24 {
        let path = directory.path(label).appending("\(index).png")
        let bytes = try #require(FileManager.default.contents(atPath: path.string))
        let image = try RGBImage.decode(bytes: Array(bytes), limits: ImageLimits())
        guard case .scored(let score, _) = try detector.score(image) else {
          Issue.record("\(path) was not scored")
          continue
        }
        if detector.model.threshold.verdict(on: score) == .flagged { count += 1 }
      }
      #expect(count == flagged, "\(label)")
    }
  }

  /// Scores that were kept say the same as the images, in the precision that both have by default.
  private func calibrateByScores(_ trained: FilePath) throws {
    let scored = try TrainingExecutable.run([
      "score", "--json", "--model", trained.string, directory.path("0_real").string,
    ])
    // The same images again change nothing.
    let scores = directory.path("scores.jsonl").string
    try (scored.output + scored.output).write(to: URL(filePath: scores))
    let rate = ["calibrate", "--false-positive-rate", "0.1", "--model", trained.string, "--json"]
    let plot = directory.path("rate.svg").string
    let output = directory.path("by-scores.safetensors")
    let byScores = try TrainingExecutable.run(rate + ["--scores", scores, "--plot", plot, "--output", output.string])
    try #require(byScores.status == 0, "\(byScores.complaints)")
    let byImages = try TrainingExecutable.run(rate + [directory.path("0_real").string, "--cache", scoringCache])
    try #require(byImages.status == 0, "\(byImages.complaints)")
    let records = try [byScores, byImages].map { result in
      try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
    }
    #expect(records.map { $0["realImages"] as? Int } == [24, 24])
    let thresholds = try records.map { try #require($0["threshold"] as? Double) }
    #expect(abs(thresholds[0] - thresholds[1]) < 1e-5)
    let written = try Detector.load(output).model.threshold.value
    #expect(abs(written - thresholds[0]) < 1e-12, "\(written), \(thresholds[0])")
    #expect(try String(contentsOfFile: plot, encoding: .utf8).contains("24 images"))

    let others = try TrainingExecutable.run([
      "calibrate", "--false-positive-rate", "0.1", "--scores", scores, "--model", model, "-o", plot,
    ])
    #expect(others.status == 1 && others.complaints.contains("another model"), "\(others.complaints)")
    let mixed = directory.path("mixed.jsonl").string
    let more = try TrainingExecutable.run(["score", "--json", "--model", model, directory.path("0_real").string])
    try (scored.output + more.output).write(to: URL(filePath: mixed))
    let two = try TrainingExecutable.run(["calibrate", "--false-positive-rate", "0.1", "--scores", mixed])
    #expect(two.status == 1 && two.complaints.contains("line 26: scores of another model"), "\(two.complaints)")
  }

  @Test(arguments: [
    ("", "no score"),
    ("{}\n", "line 1: no line of staypos score --json"),
    ("{\"verdict\": \"not-scored\", \"logit\": null, \"model\": null}\n", "no score"),
    (
      "{\"verdict\": \"flagged\", \"logit\": 1, \"lowerBound\": true, \"model\": \"\(String(repeating: "0", count: 64))\"}\n",
      "lower bound"
    ),
  ])
  func scoresThatSayNothing(text: String, complaint: String) throws {
    let file = directory.path("scores.jsonl").string
    try Data(text.utf8).write(to: URL(filePath: file))
    let result = try TrainingExecutable.run(["calibrate", "--false-positive-rate", "0.1", "--scores", file])
    #expect(result.status == 1 && result.complaints.contains(complaint), "\(result.complaints)")
    let both = try TrainingExecutable.run(["calibrate", "--false-positive-rate", "0.1", "--scores", file, file])
    #expect(both.status == 64)
  }

  /// The history lists the newest first.
  @Test func theNewestScoreOfAnImageCounts() throws {
    let (image, model) = (String(repeating: "1", count: 64), String(repeating: "0", count: 64))
    let lines = [("2026-11-22T10:00:00.000Z", 2), ("2026-11-15T10:00:00.000Z", 1)].map { time, logit in
      #"{"verdict": "clear", "time": "\#(time)", "logit": \#(logit), "sha256": "\#(image)", "model": "\#(model)"}"#
        + "\n"
    }
    let file = directory.path("scores.jsonl").string
    for text in [lines.joined(), lines.reversed().joined()] {
      try Data(text.utf8).write(to: URL(filePath: file))
      let result = try TrainingExecutable.run(["calibrate", "--false-positive-rate", "0", "--scores", file, "--json"])
      try #require(result.status == 0, "\(result.complaints)")
      let record = try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
      // Half a unit above the only image.
      #expect(record["realImages"] as? Int == 1 && record["threshold"] as? Double == 1 / (1 + exp(-2.5)))
    }
  }

  @Test func mistakesAreSaid() throws {
    try makeDataset(3)
    let output = directory.path("x.safetensors").string
    let only = directory.makeDirectory("only")
    _ = directory.makeSymlink("only/0_real", to: directory.path("0_real"))
    let oneKind = try TrainingExecutable.run([
      "train", "head", only.string, "--model", model, "--cache", cache, "-o", output,
    ])
    #expect(oneKind.status == 1 && oneKind.complaints.contains("needs real and generated images"))
    let usage = try TrainingExecutable.run(["calibrate", "--false-positive-rate", "2", "a", "-o", output])
    #expect(usage.status == 64)
    let few = try TrainingExecutable.run([
      "calibrate", "--false-positive-rate", "0.01", "--guarantee", directory.path("0_real").string, "--model", model,
      "--cache", scoringCache, "-o", output,
    ])
    #expect(few.status == 1 && few.complaints.contains("too few"))
    #expect(!FileManager.default.fileExists(atPath: output))
  }
}
