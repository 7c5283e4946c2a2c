import Glibc
import ImageDecoding
import StayposCore
import TestSupport
import Testing

@testable import Detection
@testable import NeuralNetwork

@Suite struct EarlyExitTests {
  /// In bands of few rows, as a large image of a large network is.
  private static func detector(_ model: TinyModel, _ type: Arithmetic, bandRows: Int) throws -> Detector {
    let model = try model.withFile { try Model(path: $0) }
    let bands = BandHeights { _, extents, _ in extents.map { min(bandRows, $0.height) } }
    let network = try Network(model.graph, type, threads: 1, bands: bands) { model.parameters[$0] }
    return Detector(model: model, network, memoryLimit: nil)
  }

  /// Noise of some strength, or noise above and one colour below, or the other way round.
  private static func image(_ size: ImageSize, using random: inout some RandomNumberGenerator) -> RGBImage {
    let mask = [UInt8]([0x0F, 0x7F, 0xFF]).randomElement(using: &random) ?? 0xFF
    let rows = [0..<size.height, 0..<size.height / 2, size.height / 2..<size.height].randomElement(using: &random)
    let noise = (rows?.lowerBound ?? 0) * 3 * size.width..<(rows?.upperBound ?? 0) * 3 * size.width
    let pixels = (0..<3 * size.width * size.height).map { index in
      noise.contains(index) ? UInt8.random(in: .min ... .max, using: &random) & mask : 100
    }
    return RGBImage(size: size, pixels: pixels)
  }

  private static func score(_ outcome: ScoringOutcome) throws -> Score {
    guard case .scored(let score, _) = outcome else { throw NotScored() }
    return score
  }

  private struct NotScored: Error {}

  /// The same verdict on every image at every threshold, and a bound is one: random weights, images, bands, precisions.
  @Test(arguments: [TinyModel.resnet, TinyModel.lite])
  func neverChangesAVerdict(_ architecture: String) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededGenerator(seed: seed)
    var (stopped, flagged, clear) = (0, 0, 0)
    for round in 0..<24 {
      let type: Arithmetic = round.isMultiple(of: 3) && DataType.bf16.isSupported ? .bf16 : .fp32
      let size = ImageSize(width: .random(in: 32...50, using: &random), height: .random(in: 32...90, using: &random))
      let image = Self.image(size, using: &random)
      let bandRows = Int.random(in: 1...6, using: &random)
      var model = try TinyModel(architecture: architecture)
      for name in model.tensors.keys.sorted() where name.hasSuffix("weight") && name != Head.weightName {
        model.tensors[name]?.values.shuffle(using: &random)
      }
      let weights = try #require(model.tensors[Head.weightName]).values.map { _ in
        Bool.random(using: &random) ? Float.random(in: 0...1, using: &random) : 0
      }
      model.tensors[Head.weightName]?.values = weights
      let strength = try Self.score(Self.detector(model, type, bandRows: bandRows).score(image)).fakeScore
      // The whole range of the sigmoid; beyond ±37 it is 0 or 1 to the last digit.
      let scale = ([0.01, 1, 6, 40, 800] as [Double]).randomElement(using: &random) ?? 1
      model.tensors[Head.weightName]?.values = weights.map { $0 * Float(scale / max(strength, 1e-3)) }
      model.tensors[Head.biasName]?.values = [Float(-scale * Double.random(in: 0...1.2, using: &random))]
      let detector = try Self.detector(model, type, bandRows: bandRows)
      #expect(detector.canExitEarly)

      let full = try Self.score(detector.score(image))
      let final = full.probability
      var thresholds = [0, 1, final, final.nextUp, final.nextDown, .leastNonzeroMagnitude, 1.0.nextDown, 0.5]
      // What a share of the evidence reaches, and what more than all of it would.
      thresholds += (0..<8).map { _ in
        1 / (1 + exp(-(full.bias + full.fakeScore * Double.random(in: 0...1.1, using: &random))))
      }
      for threshold in thresholds.compactMap({ Threshold($0) }) {
        let scan = try detector.score(image, stoppingAt: threshold)
        let found = try Self.score(scan.outcome)
        let place: Comment = "seed \(seed), round \(round), \(size) at \(threshold): \(found), in full \(full)"
        #expect(threshold.verdict(on: found) == threshold.verdict(on: full), place)
        #expect(found.isLowerBound == (scan.scannedRows < size.height), place)
        if found.isLowerBound {
          #expect(threshold.isDecided(by: found), place)
          #expect(found.fakeScore <= full.fakeScore && found.realScore == 0 && found.bias == full.bias, place)
          stopped += 1
        } else {
          #expect(found == full, place)
        }
        if threshold.verdict(on: full) == .flagged { flagged += 1 } else { clear += 1 }
      }
    }
    #expect(stopped > 20 && flagged - stopped > 5 && clear > 20, "seed \(seed): \(stopped) \(flagged) \(clear)")
  }

  /// Sums of what is so far are never above those of all, to the last bit, wherever one stops.
  @Test func everyPrefixIsABound() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<40 {
      let channels = Int.random(in: 1...9, using: &random)
      let weights = (0..<channels).map { _ in Float.random(in: 0...1, using: &random) }
      let head = Head.positive(try PositiveHead(weights: weights, bias: .random(in: -9...9, using: &random)))
      let positions = Int.random(in: 2...60, using: &random)
      // Of every magnitude, so that sums are rounded.
      let features = (0..<channels * positions).map { _ in
        Float.random(in: 0...1, using: &random) * exp2(Float.random(in: -60...60, using: &random))
      }
      var bounds: [Score] = []
      var sums = FeatureSums(channels: channels, projectedOn: nil)
      for position in 0..<positions {
        features[(position * channels)...].withUnsafeBufferPointer { row in
          if let row = row.baseAddress { sums.add(row, rows: 1, columns: 1, of: 1) }
        }
        bounds.append(head.score(sums.means(over: positions)))
      }
      let full = head.score(sums.features(height: 1, width: positions).means)
      #expect(bounds.last == full)
      for (one, next) in zip(bounds, bounds.dropFirst()) {
        #expect(one.logit <= next.logit, "seed \(seed)")
      }
    }
  }

  /// What is damaged below where the scan stops is damaged.
  @Test func aDamagedImageIsNotScored() throws {
    var random = SeededGenerator(seed: 5)
    let detector = try Self.detector(TinyModel(architecture: TinyModel.resnet), .fp32, bandRows: 2)
    let bytes = try PNGEncoder.encode(Self.image(ImageSize(width: 40, height: 300), using: &random))
    let threshold = try #require(Threshold(0))
    var whole = try ImageReader(bytes: bytes, limits: ImageLimits())
    let early = try detector.score(&whole, stoppingAt: threshold)
    #expect(try Self.score(early.outcome).isLowerBound && early.scannedRows < 300)
    #expect(whole.position == 300)
    var damaged = try ImageReader(bytes: Array(bytes.dropLast(bytes.count / 10)), limits: ImageLimits())
    let outcome = try detector.score(&damaged, stoppingAt: threshold).outcome
    guard case .notScored(.truncated, _) = outcome else {
      Issue.record("\(outcome)")
      return
    }
  }

  /// Later rows may speak for a real image, even if no weight happens to be below zero.
  @Test(arguments: [1, -1] as [Float]) func aLinearHeadIsNeverCertain(_ sign: Float) throws {
    var random = SeededGenerator(seed: 6)
    var model = try TinyModel(architecture: TinyModel.resnet, head: "linear")
    model.tensors[Head.weightName]?.values[0] *= sign
    let detector = try Self.detector(model, .fp32, bandRows: 2)
    #expect(!detector.canExitEarly)
    let image = Self.image(ImageSize(width: 40, height: 300), using: &random)
    let found = try detector.score(image, stoppingAt: #require(Threshold(0)))
    #expect(found.scannedRows == 300)
    #expect(try found.outcome == detector.score(image))
  }

  /// Nothing bounds a feature map that may be negative.
  @Test func featuresBelowZeroHaveNoBound() {
    let window = Window(kernel: 1)
    var graph = Graph(inputChannels: 3)
    let plain = graph.convolution(
      Convolution(inputChannels: 3, outputChannels: 2, window: window), of: graph.input)
    #expect(!graph.isOutputNonNegative)
    var clipped = graph
    _ = clipped.convolution(
      Convolution(inputChannels: 2, outputChannels: 2, window: window, activation: .relu6), of: plain)
    #expect(clipped.isOutputNonNegative)
    _ = clipped.maxPooling(window, of: clipped.output)
    #expect(clipped.isOutputNonNegative)
  }
}
