import Checkpoints
import Foundation
import ImageDecoding
import NeuralNetwork
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Detection

@Suite struct CalibratorTests {
  private func image(_ seed: UInt64, width: Int = 40, height: Int = 36) -> RGBImage {
    var random = SeededGenerator(seed: seed)
    return RGBImage(
      size: ImageSize(width: width, height: height),
      pixels: (0..<3 * width * height).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  private func calibrated(_ tiny: TinyModel, _ body: (Model) throws -> Void) throws {
    try tiny.withFile { path in
      let original = try Model(path: path)
      let calibrator = try Calibrator(model: original)
      var rows = RGBImageRows(image(1))
      guard case .scored = try calibrator.observe(&rows) else {
        Issue.record("not scored")
        return
      }
      let target = FilePath(path.string + ".int8")
      defer { try? FileManager.default.removeItem(atPath: target.string) }
      var revision = ModelRevision(of: original, at: path)
      revision.calibration = calibrator.calibration
      try body(revision.write(to: target))
    }
  }

  @Test(arguments: [TinyModel.resnet, TinyModel.lite]) func theCopyIsTheSameModel(_ architecture: String) throws {
    let tiny = try TinyModel(architecture: architecture)
    let original = try tiny.withFile { try Model(path: $0) }
    try calibrated(tiny) { model in
      let ranges = try #require(model.calibration).ranges
      #expect(ranges.count == original.parameters.count)
      #expect(ranges.allSatisfy { $0 > 0 })
      #expect(original.calibration == nil)
      #expect(model.info.sha256 != original.info.sha256)
      #expect(model.info.name == original.info.name && model.info.threshold == original.info.threshold)
      #expect(model.info.card == original.info.card && model.head == original.head)
      let picture = image(2)
      #expect(try Detector(model: model).score(picture) == Detector(model: original).score(picture))
    }
  }

  @Test(
    .enabled(if: DataType.u8.isSupported, "skipped: this processor has no AVX512-VNNI"),
    arguments: [TinyModel.resnet, TinyModel.lite])
  func itScoresNearlyTheSameInINT8(_ architecture: String) throws {
    try calibrated(TinyModel(architecture: architecture)) { model in
      let (exact, detector) = (try Detector(model: model), try Detector(model: model, precision: .int8))
      #expect(detector.precision == .int8)
      for seed in UInt64(2)..<6 {
        let picture = image(seed, width: 33 + Int(seed), height: 50)
        guard case .scored(let score, _) = try detector.score(picture),
          case .scored(let expected, _) = try exact.score(picture)
        else {
          Issue.record("not scored")
          return
        }
        #expect(abs(score.fakeScore - expected.fakeScore) <= 0.05 * expected.fakeScore)
        #expect(score.fakeScore != expected.fakeScore)
      }
    }
  }

  /// What was cached of one calibration is not taken for another's.
  @Test func theBackboneIsAnotherInINT8Alone() throws {
    var tiny = try TinyModel()
    let count = try tiny.withFile { try Model(path: $0).parameters.count }
    var found: [Precision: Set<SHA256Digest>] = [:]
    for range in [Float(1), 2] {
      tiny.tensors[Model.calibrationName] = TinyModel.Tensor(
        shape: [count], values: Array(repeating: range, count: count))
      try tiny.withFile { path in
        for precision in [Precision.fp32, .bf16, .int8] {
          found[precision, default: []].insert(try BackboneIdentity(of: path, precision: precision).sha256)
        }
      }
    }
    #expect(found.mapValues(\.count) == [.fp32: 1, .bf16: 1, .int8: 2])
  }

  /// Both fit the architecture, but cannot have come from a calibration.
  @Test func rangesAreChecked() throws {
    var tiny = try TinyModel()
    let count = try tiny.withFile { try Model(path: $0).parameters.count }
    let zeros = [Float](repeating: 0, count: count)
    for (values, code) in [
      (zeros + [0], DetectionError.Code.wrongShape), (zeros.dropLast() + [-1], .badValues),
      (zeros.dropLast() + [.nan], .badValues), (zeros.dropLast() + [.infinity], .badValues),
    ] {
      tiny.tensors["int8.ranges"] = TinyModel.Tensor(shape: [values.count], values: Array(values))
      let error = tiny.loadingError()
      #expect(error?.code == code)
      #expect(error?.message.contains("int8.ranges") == true)
    }
  }

  @Test func aFileThatWasReplacedIsNotCopied() throws {
    let tiny = try TinyModel()
    try tiny.withFile { path in
      let original = try Model(path: path)
      var other = tiny
      other.metadata["name"] = "another"
      try other.withFile { other in
        let target = FilePath(path.string + ".int8")
        #expect(throws: DetectionError.self) { try ModelRevision(of: original, at: other).write(to: target) }
        #expect(!FileManager.default.fileExists(atPath: target.string))
      }
    }
  }
}

extension TinyModel {
  fileprivate func loadingError() -> DetectionError? {
    #expect(throws: DetectionError.self) { try withFile { _ = try Model(path: $0) } }
  }
}
