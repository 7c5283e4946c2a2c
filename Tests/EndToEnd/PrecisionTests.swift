import Foundation
import Glibc
import StayposCore
import Subprocess
import SystemPackage
import Testing

/// `staypos` on processors that have less than this one.
@Suite struct PrecisionTests {
  private let fixture: OfflineToolFixture

  init() throws {
    fixture = try OfflineToolFixture()
  }

  private func scores(
    _ options: String..., images: [FilePath], processor: String? = nil
  ) async throws -> [(precision: String, logit: Double)] {
    let model = BuiltExecutables.model
    let finished = try await run(
      ["score", "--json", "--threads", "1", "--model", model.string] + options + images.map(\.string), processor)
    try #require(finished.exitCode == 0 || finished.exitCode == 1, "\(finished.errors)")
    return try finished.lines.map { line in
      let record = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      return (try #require(record["precision"] as? String), try #require(record["logit"] as? Double))
    }
  }

  private func run(_ arguments: [String], _ processor: String?) async throws -> BuiltExecutables.Finished {
    let environment: Environment = processor.map { .inherit.updating(["ONEDNN_MAX_CPU_ISA": $0]) } ?? .inherit
    return try await BuiltExecutables.run("staypos", arguments, environment: environment)
  }

  /// The published logits of the samples, without AVX-512 and as far back as oneDNN goes.
  @Test(arguments: ["AVX2", "SSE41"])
  func olderProcessorsScoreInFP32(_ processor: String) async throws {
    let samples = BuiltExecutables.repository.appending("Samples")
    let expected = [("generated/face.png", 5.239), ("generated/landscape.jpg", -0.713), ("real/cat.png", -0.037)]
    let found = try await scores(images: expected.map { samples.appending($0.0) }, processor: processor)
    try #require(found.count == expected.count)
    for (score, (name, logit)) in zip(found, expected) {
      #expect(score.precision == "fp32", "\(name)")
      #expect(abs(score.logit - logit) <= 1.5e-3, "\(name): \(score.logit)")
    }
  }

  @Test func anOlderProcessorRefusesBF16() async throws {
    let image = try fixture.write(OfflineToolFixture.png(width: 20, height: 10), named: "image.png")
    let finished = try await run(
      ["score", "--model", fixture.model.string, "--precision", "bf16", image.string], "AVX2")
    #expect(finished.exitCode == 2)
    #expect(finished.output.isEmpty)
    #expect(finished.errors.contains("use fp32"))
  }

  @Test func everyCommandSaysItsPrecision() async throws {
    let image = try fixture.write(OfflineToolFixture.png(width: 40, height: 30), named: "image.png")
    let map = fixture.directory.appending("map.png")
    let model = ["--model", fixture.model.string]
    for arguments in [
      ["score", image.string], ["explain", image.string, "-o", map.string],
      ["bench", "--size", "16x16", "--repeat", "1"],
    ] {
      let finished = try await run(arguments + model + ["--json", "--precision", "fp32"], nil)
      let record = try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any]
      #expect(record?["precision"] as? String == "fp32", "\(arguments)")
      for precision in ["int4", "fp16", ""] {
        #expect(try await run(arguments + model + ["--precision", precision], nil).exitCode == 64, "\(precision)")
      }
    }
  }

  @Test(.enabled(if: PrecisionTests.hasVNNI, "skipped: this processor has no instructions for bytes"))
  func aCalibratedModelScoresInINT8() async throws {
    let samples = BuiltExecutables.repository.appending("Samples").string
    let model = BuiltExecutables.model.string
    let calibrated = fixture.directory.appending("calibrated.safetensors").string
    let written = try await run(["model", "quantize", model, "--images", samples, "-o", calibrated], nil)
    try #require(written.exitCode == 0, "\(written.errors)")
    #expect(written.output.contains("calibrated on 7 images"))
    let info = try await run(["model", "info", "--json", calibrated], nil)
    let record = try #require(try JSONSerialization.jsonObject(with: Data(info.output.utf8)) as? [String: Any])
    #expect(record["int8"] as? Bool == true)

    let compared = try await run(
      ["model", "verify", calibrated, samples, "--against", "fp32", "--precision", "int8", "--json"], nil)
    #expect(compared.exitCode == 0, "\(compared.errors)")
    let comparison = try #require(try JSONSerialization.jsonObject(with: Data(compared.output.utf8)) as? [String: Any])
    #expect(comparison["precision"] as? String == "int8" && comparison["images"] as? Int == 7)
    let errors = try #require(comparison["logitErrors"] as? [String: Any])
    let (mean, largest) = (try #require(errors["mean"] as? Double), try #require(errors["maximum"] as? Double))
    #expect(mean > 1e-4 && largest < 0.5, "\(mean), \(largest)")
    #expect((comparison["flips"] as? [Any])?.isEmpty == true)
  }

  @Test func quantizingSaysWhatIsMissing() async throws {
    let empty = fixture.directory.appending("empty")
    try #require(mkdir(empty.string, 0o700) == 0)
    let model = fixture.model.string
    let output = fixture.directory.appending("out.safetensors").string
    for (arguments, message) in [
      (["--images", empty.string, "-o", output], "no image was scored"),
      (["--images", fixture.directory.appending("none").string, "-o", output], "No such file"),
      (["--images", empty.string, "-o", model], "is the model itself"),
    ] {
      let finished = try await run(["model", "quantize", model] + arguments, nil)
      #expect(finished.exitCode == 1)
      #expect(finished.errors.contains(message), "\(finished.errors)")
    }
    #expect(try await run(["model", "quantize", model], nil).exitCode == 64)
    #expect(access(output, F_OK) != 0)

    let image = try fixture.write(OfflineToolFixture.png(width: 20, height: 10), named: "image.png")
    let finished = try await run(["score", "--model", model, "--precision", "int8", image.string], nil)
    #expect(finished.exitCode == 2)
    #expect(finished.errors.contains("staypos model quantize"), "\(finished.errors)")
  }

  @Test func verifyNeedsTwoPrecisions() async throws {
    let arguments = ["model", "verify", fixture.model.string]
    let same = try await run(arguments + [fixture.directory.string, "--against", "fp32"], "AVX2")
    #expect(same.exitCode == 1)
    #expect(same.errors.contains("both are fp32"))
    #expect(try await run(arguments + ["--json"], nil).exitCode == 64)
    #expect(try await run(arguments + [fixture.directory.string], nil).exitCode == 64)
    #expect(try await run(arguments + ["--against", "auto", fixture.directory.string], nil).exitCode == 64)
  }

  @Test(.enabled(if: PrecisionTests.hasBF16, "skipped: this processor has no instructions for bf16"))
  func verifyComparesOnImages() async throws {
    for (name, width) in [("real", 40), ("generated", 64)] {
      try #require(mkdir(fixture.directory.appending(name).string, 0o700) == 0)
      try fixture.write(OfflineToolFixture.png(width: width, height: 48), named: "\(name)/image.png")
    }
    let finished = try await run(
      ["model", "verify", fixture.model.string, fixture.directory.string, "--against", "fp32", "--json"], nil)
    #expect(finished.exitCode == 0, "\(finished.errors)")
    let record = try #require(try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any])
    #expect(record["precision"] as? String == "bf16" && record["against"] as? String == "fp32")
    #expect(record["images"] as? Int == 2)
    // The model file itself.
    #expect(record["notScored"] as? Int == 1)
    let errors = try #require(record["logitErrors"] as? [String: Any])
    let largest = try #require(errors["maximum"] as? Double)
    #expect(largest > 0 && largest < 0.1)
    #expect((record["labelled"] as? [String: Any])?["generated"] as? Int == 1)
  }

  private static let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  private static let hasBF16 = processor.contains("avx512_bf16")
  private static let hasVNNI = processor.contains("avx512_vnni")
}
