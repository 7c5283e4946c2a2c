import Foundation
import ImageDecoding
import NeuralNetwork
import StayposCore
import SystemPackage
import Testing

@testable import Detection

@Suite struct PrecisionTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  @Test func autoIsBF16WhereTheProcessorHasIt() throws {
    try TinyModel().withFile { path in
      for (asked, given) in [(Precision.fp32, Precision.fp32), (.auto, DataType.bf16.isNative ? .bf16 : .fp32)] {
        let detector = try Detector.load(path, precision: asked)
        #expect(detector.precision == given)
      }
    }
  }

  @Test func whatIsNotThereIsRefused() throws {
    let model = try TinyModel().withFile { try Model(path: $0) }
    let refused: [Precision] = DataType.bf16.isSupported ? [.int8] : [.int8, .bf16]
    for precision in refused {
      let error = #expect(throws: DetectionError.self) { _ = try Detector(model: model, precision: precision) }
      #expect(error?.code == (precision == .int8 ? .unsupportedPrecision : .network))
      #expect(error?.message.contains("fp32") == true)
    }
  }

  /// The samples of the repository: the map adds up to the score in bf16 too, and no verdict changes.
  @Test(.enabled(if: DataType.bf16.isSupported, "skipped: this processor has no AVX-512"))
  func theDefaultModelGivesTheSameVerdictsInBF16() throws {
    let model = try Model(path: FilePath(Self.root.appendingPathComponent("Models/default.safetensors").path))
    let exact = try Detector(model: model, precision: .fp32)
    let detector = try Detector(model: model, precision: .bf16)
    let samples = Self.root.appendingPathComponent("Samples")
    var count = 0
    for name in ["generated", "real"] {
      let directory = samples.appendingPathComponent(name)
      for file in try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil) {
        let image = try RGBImage.decode(bytes: Array(Data(contentsOf: file)), limits: ImageLimits())
        let (outcome, map) = try detector.explain(image)
        guard case .scored(let score, _) = outcome, let map, case .scored(let expected, _) = try exact.score(image)
        else {
          Issue.record("\(file.lastPathComponent) was not scored")
          continue
        }
        count += 1
        let place: Comment = "\(file.lastPathComponent): \(score.logit), in fp32 \(expected.logit)"
        #expect(abs(score.logit - expected.logit) <= 0.3, place)
        #expect(score.logit != expected.logit, place)
        #expect(model.info.threshold.verdict(on: score) == model.info.threshold.verdict(on: expected), place)
        #expect(abs(map.mean - score.fakeScore) <= 1e-12 * score.fakeScore, place)
        #expect(map.values.allSatisfy { $0 >= 0 }, place)
      }
    }
    #expect(count == 7)
  }
}
