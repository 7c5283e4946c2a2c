import ImageDecoding
import StayposCore
import SystemPackage
import Testing

@testable import Detection

/// The detector against PyTorch on the same random weights.
@Suite(
  .serialized,
  .enabled(if: TorchReference.isAvailable, "skipped: PyTorch is not installed (apt install python3-torch)"))
struct TorchParityTests {
  /// The paper's network on the sizes that the project promises, and each family in a small form.
  @Test(arguments: ["resnet50-nodown", "basic", "classic-stem", "lite"])
  func agreesWithPyTorch(_ name: String) throws {
    try compare(name, seed: 1)
  }

  /// Random architectures on random sizes.
  @Test func agreesOnRandomArchitectures() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    for index in 0..<4 {
      try compare("random-\(index)", seed: seed)
    }
  }

  private func compare(_ name: String, seed: UInt64) throws {
    let reference = try TorchReference(name, seed: seed)
    defer { reference.remove() }
    let detector = try Detector.load(reference.model)
    #expect(!reference.results.isEmpty)
    for result in reference.results {
      let place: Comment = "\(name), seed \(seed), \(result.width)×\(result.height)"
      let size = ImageSize(width: result.width, height: result.height)
      let image = RGBImage(size: size, pixels: try reference.pixels(result))
      let (outcome, map) = try detector.explain(image)
      guard case .scored(let score, size) = outcome, let map else {
        Issue.record("\(place): \(outcome)")
        continue
      }
      #expect(abs(score.logit - result.logit) <= 1e-5 * result.magnitude, place)
      #expect(try detector.score(image) == outcome, place)
      #expect(map.width == result.map_width && map.height == result.map_height, place)
      let largest = result.map.reduce(0) { max($0, abs($1)) }
      let difference = zip(map.values, result.map).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(difference <= 1e-4 * largest, place)
      // The map is exact: its mean is what the head adds up.
      let evidence = score.fakeScore + score.realScore
      #expect(abs(map.mean - evidence) <= 1e-12 * (score.fakeScore - score.realScore), place)
      if detector.model.head == .positive {
        #expect(score.realScore == 0 && map.values.allSatisfy { $0 >= 0 }, place)
      }
    }
  }
}
