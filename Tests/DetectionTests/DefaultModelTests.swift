import Foundation
import ImageDecoding
import StayposCore
import SystemPackage
import Testing

@testable import Detection

/// The model that the project ships.
@Suite struct DefaultModelTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let model = FilePath(root.appendingPathComponent("Models/default.safetensors").path)
  /// Images that cannot be shipped: see Models/README.md.
  private static let images = root.appendingPathComponent("../shared/data/dev")
  static let hasImages = FileManager.default.fileExists(atPath: images.path)

  @Test func isAPositiveLite0() throws {
    let model = try Model(path: Self.model)
    #expect(model.info.name == "staypos-lite0-v0")
    #expect(model.info.head == .positive)
    #expect(model.info.minimumSize == 32)
    #expect(model.info.threshold.value == 0.800592)
    #expect(model.head.weights.count { $0 > 0 } == 127 && model.head.weights.count == 1280)
    #expect(
      model.info.sha256.description == "963897a07eb067434e47750971e49e05278101cf6f6552620132ea4a09e36f5f")
  }

  @Test(
    .enabled(
      if: DefaultModelTests.hasImages,
      "skipped: the reference images are not beside this repository (../shared/data/dev)"))
  func agreesWithPyTorchOnRealImages() throws {
    let detector = try Detector.load(Self.model)
    let table = try String(contentsOf: Self.root.appendingPathComponent("Models/reference-logits.csv"), encoding: .utf8)
    var count = 0
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: ",")
      let (width, height) = (try #require(Int(fields[fields.count - 3])), try #require(Int(fields[fields.count - 2])))
      let logit = try #require(Double(fields[fields.count - 1]))
      let name = fields.dropLast(3).joined(separator: ",")
      let bytes = Array(try Data(contentsOf: Self.images.appendingPathComponent(name)))
      let image = try RGBImage.decode(bytes: bytes, limits: ImageLimits())
      #expect(image.size == ImageSize(width: width, height: height), "\(name)")
      guard case .scored(let score, _) = try detector.score(image) else {
        Issue.record("\(name) was not scored")
        continue
      }
      #expect(abs(score.logit - logit) <= 1e-3, "\(name): \(score.logit), PyTorch \(logit)")
      count += 1
    }
    #expect(count == 60)
  }
}
