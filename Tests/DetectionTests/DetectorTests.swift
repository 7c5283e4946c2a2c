import ImageDecoding
import StayposCore
import SystemPackage
import Testing

@testable import Detection

@Suite struct DetectorTests {
  private func image(_ width: Int, _ height: Int) -> RGBImage {
    let pixels = (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 251) }
    return RGBImage(size: ImageSize(width: width, height: height), pixels: pixels)
  }

  private func detector(_ model: TinyModel, threads: Int? = nil, memoryLimit: Int? = nil) throws -> Detector {
    try model.withFile { try Detector.load($0, threads: threads, memoryLimit: memoryLimit) }
  }

  @Test func aResNetTakesAnyImage() throws {
    let detector = try detector(TinyModel())
    for (width, height) in [(1, 1), (1, 50), (50, 1), (2, 3), (31, 31)] {
      guard case .scored(let score, let size) = try detector.score(image(width, height)) else {
        Issue.record("\(width)×\(height) was not scored")
        continue
      }
      #expect(size == ImageSize(width: width, height: height))
      #expect(score.realScore == 0 && score.fakeScore >= 0)
    }
  }

  @Test func anImageBelowTheMinimumIsNotScored() throws {
    let detector = try detector(TinyModel(architecture: TinyModel.lite))
    #expect(detector.model.minimumSize == 32)
    for (width, height) in [(31, 32), (32, 31), (1, 1), (400, 5)] {
      guard case .notScored(.tooSmall, let detail) = try detector.score(image(width, height)) else {
        Issue.record("\(width)×\(height) was scored")
        continue
      }
      #expect(detail.contains("32×32"))
      #expect(try detector.explain(image(width, height)).map == nil)
    }
    guard case .scored = try detector.score(image(32, 32)) else {
      Issue.record("32×32 was not scored")
      return
    }
  }

  /// A file may promise more than its strides allow.
  @Test func anImageThatVanishesInTheNetworkIsNotScored() throws {
    let architecture = TinyModel.lite.replacing(#""minimum_size":32"#, with: #""minimum_size":1"#)
    let detector = try detector(TinyModel(architecture: architecture))
    guard case .notScored(.tooSmall, _) = try detector.score(image(2, 2)) else {
      Issue.record("2×2 was scored")
      return
    }
  }

  @Test func anImageBeyondTheMemoryLimitIsNotScored() throws {
    let model = try TinyModel()
    let unlimited = try detector(model)
    let needed = try unlimited.workingMemory(ImageSize(width: 100, height: 80))
    let limited = try detector(model, memoryLimit: unlimited.weightsSize + needed)
    guard case .scored = try limited.score(image(100, 80)) else {
      Issue.record("an image within the limit was not scored")
      return
    }
    guard case .notScored(.outOfMemory, let detail) = try limited.score(image(200, 160)) else {
      Issue.record("an image beyond the limit was scored")
      return
    }
    #expect(detail.contains("200×160"))
  }

  /// A file that is decoded while it is scored, and the same pixels out of memory.
  @Test func aFileIsScoredAsItIsDecoded() throws {
    let detector = try detector(TinyModel())
    let pixels = image(123, 457)
    let bytes = try PNGEncoder.encode(pixels)
    var reader = try ImageReader(bytes: bytes, limits: ImageLimits())
    #expect(try detector.score(&reader) == detector.score(pixels))

    var damaged = try ImageReader(bytes: Array(bytes.dropLast(bytes.count / 2)), limits: ImageLimits())
    guard case .notScored(.truncated, _) = try detector.score(&damaged) else {
      Issue.record("half a file was scored")
      return
    }
    #expect(try detector.score(pixels) == detector.score(pixels))
  }

  @Test func memoryDoesNotGrowWithTheHeight() throws {
    for architecture in [TinyModel.resnet, TinyModel.lite] {
      let detector = try detector(TinyModel(architecture: architecture))
      func needed(_ height: Int) throws -> Int {
        try detector.workingMemory(ImageSize(width: 4_000, height: height))
      }
      // The last bands differ, and with them what is compiled.
      #expect(try needed(60_000) <= 2 * needed(3_000))
    }
  }

  /// Real and fake score are the parts of the sum below and above zero.
  @Test func aLinearHeadSplitsItsScore() throws {
    var model = try TinyModel(head: "linear")
    model.tensors["fc.weight"]?.values = [1, -1, 0.5, 0, -2, 0.25]
    model.tensors["fc.bias"]?.values = [0.75]
    let (outcome, map) = try detector(model).explain(image(40, 30))
    guard case .scored(let score, _) = outcome, let map else {
      Issue.record("not scored")
      return
    }
    #expect(score.bias == 0.75 && score.realScore < 0 && score.fakeScore > 0)
    let scale = score.fakeScore - score.realScore
    #expect(abs(map.mean - (score.logit - score.bias)) <= 1e-12 * scale)

    var flipped = model
    flipped.tensors["fc.weight"]?.values = [-1, 1, -0.5, 0, 2, -0.25]
    guard case .scored(let other, _) = try detector(flipped).score(image(40, 30)) else {
      Issue.record("not scored")
      return
    }
    #expect(other.realScore == -score.fakeScore && other.fakeScore == -score.realScore)
  }

  @Test func aModelThatOverflowsIsAnError() throws {
    var model = try TinyModel()
    for name in model.tensors.keys where name.hasPrefix("layer") && model.tensors[name]?.shape.count == 4 {
      let values = try #require(model.tensors[name]).values
      model.tensors[name]?.values = values.map { abs($0) * 1e20 }
    }
    let detector = try detector(model)
    let error = #expect(throws: DetectionError.self) { _ = try detector.score(image(64, 64)) }
    #expect(error?.code == .badValues)
  }
}
