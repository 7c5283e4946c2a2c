import Foundation
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Detection

/// The model that the project ships.
@Suite struct DefaultModelTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let model = FilePath(root.appendingPathComponent("Models/default.safetensors").path)
  /// Whose logits PyTorch has computed.
  private static let reference = FilePath(root.appendingPathComponent("Models/staypos-lite0-v0.safetensors").path)
  /// Images that cannot be shipped: see Models/README.md.
  private static let images = root.appendingPathComponent("../shared/data/dev")
  static let hasImages = FileManager.default.fileExists(atPath: images.path)

  @Test func isAPositiveLite0() throws {
    let model = try Model(path: Self.model)
    #expect(model.info.name == "staypos-lite0-v1")
    #expect(model.info.head == .positive)
    #expect(model.info.minimumSize == 32)
    #expect(model.info.threshold.value == 0.996097)
    #expect(model.head.weights.count { $0 > 0 } == 143 && model.head.weights.count == 1280)
    #expect(
      model.info.sha256.description == "2308764994d316f8131c3fd62ad4cd0845be1d6d33f48230d7205c709f9d5e83")
  }

  @Test(
    .enabled(
      if: DefaultModelTests.hasImages,
      "skipped: the reference images are not beside this repository (../shared/data/dev)"))
  func agreesWithPyTorchOnRealImages() throws {
    let detector = try Detector.load(Self.reference)
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

  /// The logits that Samples/README.md gives are PyTorch's, and ours.
  @Test(
    .enabled(
      if: ReferencePython.has("torch", "PIL"), "skipped: no PyTorch or Pillow in .build-venv (make test-dependencies)"))
  func agreesWithPyTorchOnTheSamples() throws {
    let samples = Self.root.appendingPathComponent("Samples")
    let table = try String(contentsOf: samples.appendingPathComponent("README.md"), encoding: .utf8)
    let rows = table.matches(of: /(?m)^\| `(.+?)` \| .*? \| (−?)([0-9.]+) \|/)
    let images = rows.map { samples.appendingPathComponent(String($0.output.1)) }
    let printed = try ReferencePython.run(
      script: "default_model_reference.py", [Self.model.string] + images.map(\.path))
    let logits = printed.split(separator: "\n").compactMap { Double($0) }
    try #require(rows.count == 7 && logits.count == 7)
    let detector = try Detector.load(Self.model, precision: .fp32)
    for ((row, image), logit) in zip(zip(rows, images), logits) {
      let pixels = try RGBImage.decode(bytes: Array(try Data(contentsOf: image)), limits: ImageLimits())
      guard case .scored(let score, _) = try detector.score(pixels) else {
        Issue.record("\(image.lastPathComponent) was not scored")
        continue
      }
      #expect(abs(score.logit - logit) <= 1e-3, "\(image.lastPathComponent): \(score.logit), PyTorch \(logit)")
      let magnitude = try #require(Double(row.output.3))
      let stated = row.output.2.isEmpty ? magnitude : -magnitude
      #expect(abs(logit - stated) <= 6e-4, "\(image.lastPathComponent): Samples/README.md says \(stated)")
    }
  }
}
