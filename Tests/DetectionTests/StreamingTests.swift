import Foundation
import StayposCore
import Testing

@testable import Detection
@testable import NeuralNetwork

/// The project's two networks: rows in bands against the whole image in one.
@Suite struct StreamingTests {
  private static let lite0 =
    #"{"family":"efficientnet-lite","stem":{"kernel":3,"stride":2,"width":32},"blocks":["#
    + #"{"kernel":3,"stride":1,"expand":1,"width":16,"repeats":1},{"kernel":3,"stride":2,"expand":6,"width":24,"repeats":2},"#
    + #"{"kernel":5,"stride":2,"expand":6,"width":40,"repeats":2},{"kernel":3,"stride":2,"expand":6,"width":80,"repeats":3},"#
    + #"{"kernel":5,"stride":1,"expand":6,"width":112,"repeats":3},{"kernel":5,"stride":2,"expand":6,"width":192,"repeats":4},"#
    + #"{"kernel":3,"stride":1,"expand":6,"width":320,"repeats":1}],"head":1280,"minimum_size":32}"#

  @Test func resnet50NoDownAgreesWithTheWholeImage() throws {
    try compare(
      ResNet.resnet50NoDown.definition.graph, bands: [1, 3, 4], sizes: [(1, 1), (1, 130), (75, 1), (29, 67), (64, 48)])
  }

  @Test func lite0AgreesWithTheWholeImage() throws {
    let architecture = try JSONDecoder().decode(Architecture.self, from: Data(Self.lite0.utf8))
    try compare(
      architecture.definition.graph, bands: [1, 2, 5], sizes: [(32, 32), (32, 301), (219, 33), (100, 171), (224, 224)])
  }

  /// Other shapes add up in another order, and now and then a sum between two numbers of bf16 goes to the other one.
  @Test(.enabled(if: DataType.bf16.isSupported, "skipped: this processor has no AVX-512"))
  func inBF16TheyAgreeButForRounding() throws {
    try compare(
      ResNet.resnet50NoDown.definition.graph, .bf16, bands: [3], sizes: [(75, 1), (64, 48)], tolerance: 0x1p-8)
    let architecture = try JSONDecoder().decode(Architecture.self, from: Data(Self.lite0.utf8))
    try compare(
      architecture.definition.graph, .bf16, bands: [1, 5], sizes: [(32, 301), (100, 171)], tolerance: 0x1p-8)
  }

  /// Weights, rows, scratchpads and all that is compiled; the program itself takes some 30 MB more.
  @Test func largeImagesNeedLittleMemory() throws { try measureMemory(.fp32) }

  @Test(.enabled(if: Arithmetic.bf16.isSupported, "skipped: this processor has no AVX-512"))
  func largeImagesNeedLittleMemoryInBF16() throws { try measureMemory(.bf16) }

  private func measureMemory(_ arithmetic: Arithmetic) throws {
    let graph = ResNet.resnet50NoDown.definition.graph
    let network = try Network(graph, arithmetic, threads: 2) { index in
      let convolution = graph.convolutions[index]
      return ConvolutionParameters(
        weights: [Float](repeating: 0, count: convolution.weightCount),
        bias: [Float](repeating: 0, count: convolution.outputChannels))
    }
    func needed(_ width: Int, _ height: Int) throws -> Int {
      try network.weightsSize + network.workingMemory(width: width, height: height)
    }
    let (photo, large) = (try needed(3_000, 4_000), try needed(12_000, 8_000))
    #expect(photo <= 560_000_000, "\(photo)")
    #expect(large <= 860_000_000, "\(large)")
  }

  private func compare(
    _ graph: Graph, _ type: Arithmetic = .fp32, bands: [Int], sizes: [(width: Int, height: Int)],
    tolerance: Double = 1e-5
  ) throws {
    let seed = UInt32.random(in: 1...1_000_000)
    let whole = try network(graph, type, .whole, seed: seed)
    var others = [try network(graph, type, .standard, seed: seed)]
    for rows in bands {
      others.append(
        try network(graph, type, BandHeights { _, extents, _ in extents.map { min(rows, $0.height) } }, seed: seed))
    }
    let weights = (0..<graph.output.channels).map { Double($0 % 7) / 7 }
    let normalization = PixelNormalization(mean: [0.5, 0.5, 0.5], standardDeviation: [0.25, 0.25, 0.25])
    for (width, height) in sizes {
      var noise = Noise(seed: seed)
      let pixels = (0..<3 * width * height).map { _ in UInt8(noise.next() >> 24) }
      func features(_ network: Network) throws -> Features {
        try network.features(
          of: pixels, width: width, height: height, normalization: normalization, projectedOn: weights)
      }
      let expected = try features(whole)
      let map = try #require(expected.projection)
      let logit = zip(expected.means, weights).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(logit.isFinite && logit > 0)
      for (index, network) in others.enumerated() {
        let place: Comment = "seed \(seed), \(width)×\(height), network \(index)"
        let found = try features(network)
        #expect(abs(zip(found.means, weights).reduce(0) { $0 + $1.0 * $1.1 } - logit) <= tolerance * logit, place)
        let projection = try #require(found.projection)
        #expect(projection.count == map.count, place)
        let largest = map.max() ?? 0
        #expect(zip(projection, map).allSatisfy { abs($0 - $1) <= tolerance * largest }, place)
      }
    }
  }

  /// He initialisation.
  private func network(_ graph: Graph, _ type: Arithmetic, _ bands: BandHeights, seed: UInt32) throws -> Network {
    var noise = Noise(seed: seed)
    return try Network(graph, type, threads: nil, bands: bands) { index in
      let convolution = graph.convolutions[index]
      let bound = (6 / Float(convolution.weightCount / convolution.outputChannels)).squareRoot() / 2
      return ConvolutionParameters(
        weights: noise.floats(convolution.weightCount, bound: bound),
        bias: noise.floats(convolution.outputChannels, bound: 0.5))
    }
  }
}

/// A linear congruential generator: twenty million weights in a debug build too.
private struct Noise {
  private var state: UInt32

  init(seed: UInt32) {
    state = seed
  }

  mutating func next() -> UInt32 {
    state = state &* 1_664_525 &+ 1_013_904_223
    return state
  }

  mutating func floats(_ count: Int, bound: Float) -> [Float] {
    var state = state
    defer { self.state = state }
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      var index = 0
      while index < count {
        state = state &* 1_664_525 &+ 1_013_904_223
        buffer[index] = (Float(state >> 8) / 8_388_608 - 1) * bound
        index += 1
      }
      initialized = count
    }
  }
}
