import TestSupport
import Testing

@testable import NeuralNetwork

/// Rows in bands against the whole image in one.
@Suite struct StreamingTests {
  private enum Family: CaseIterable {
    case any, resnet, lite
  }

  /// Random networks, sizes (one pixel wide or high among them), heights of bands and portions of rows.
  @Test func agreesWithTheWholeImage() throws {
    let start = UInt64.random(in: 0..<1_000_000)
    for seed in start..<start + 240 {
      try compare(Family.allCases[Int(seed % 3)], seed: seed, .fp32, tolerance: 1e-5)
    }
  }

  /// Other shapes add up in another order, and now and then a sum between two numbers of bf16 goes to the other one.
  @Test(.enabled(if: DataType.bf16.isSupported, "skipped: this processor has no AVX-512"))
  func agreesWithTheWholeImageInBF16() throws {
    let start = UInt64.random(in: 0..<1_000_000)
    for seed in start..<start + 240 {
      try compare(Family.allCases[Int(seed % 3)], seed: seed, .bf16, tolerance: 0x1p-7)
    }
  }

  /// Sums of integers are exact: only the first convolution's may round to another number now and then.
  @Test(.enabled(if: DataType.u8.isSupported, "skipped: this processor has no AVX512-VNNI"))
  func agreesWithTheWholeImageInINT8() throws {
    let start = UInt64.random(in: 0..<1_000_000)
    for seed in start..<start + 120 {
      try compare(Family.allCases[Int(seed % 3)], seed: seed, nil, tolerance: 0x1p-7)
    }
  }

  /// - Parameter arithmetic: nil: int8.
  private func compare(_ family: Family, seed: UInt64, _ arithmetic: Arithmetic?, tolerance: Double) throws {
    var random = SeededGenerator(seed: seed)
    let width = size(using: &random)
    let height = size(using: &random)
    let network: RandomNetwork =
      switch family {
      case .any: RandomNetwork(seed: seed)
      case .resnet:
        RandomNetwork(RandomResNet.graph(using: &random), width: width, height: height, seed: seed)
      case .lite: RandomNetwork(RandomLite.graph(using: &random), width: 32 + width, height: 32 + height, seed: seed)
      }
    if arithmetic != .fp32, !network.endsInConvolution || !network.fitsINT8 { return }
    let type = try arithmetic ?? .int8(network.calibration())
    let whole = try network.features(network.network(type, bands: .whole))
    let heights = (0..<64).map { _ in Int.random(in: 1...12, using: &random) }
    let streaming = try network.network(
      type,
      bands: BandHeights { _, extents, _ in
        extents.indices.map { min(heights[$0 % heights.count], extents[$0].height) }
      })
    let features = try network.features(streaming, rows: Int.random(in: 1...20, using: &random))

    let place: Comment = "seed \(seed), \(family), \(network.width)×\(network.height)"
    #expect(features.height == whole.height && features.width == whole.width, place)
    let scale = zip(whole.means, network.weights).reduce(0) { $0 + abs($1.0 * $1.1) }
    let logits = [whole, features].map { zip($0.means, network.weights).reduce(0) { $0 + $1.0 * $1.1 } }
    #expect(abs(logits[0] - logits[1]) <= tolerance * scale, place)
    let (expected, projection) = (try #require(whole.projection), try #require(features.projection))
    try #require(expected.count == projection.count, place)
    let magnitude = max(scale, expected.reduce(0) { max($0, abs($1)) })
    let difference = zip(expected, projection).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(difference <= tolerance * magnitude, place)
  }

  private func size(using random: inout SeededGenerator) -> Int {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: 1
    case 1: Int.random(in: 2...8, using: &random)
    default: Int.random(in: 9...90, using: &random)
    }
  }

  @Test func memoryDoesNotGrowWithTheHeight() throws {
    var random = SeededGenerator(seed: 3)
    for graph in [RandomResNet.graph(using: &random), RandomLite.graph(using: &random)] {
      let network = try RandomNetwork(graph, width: 1, height: 1, seed: 4)
        .network(bands: BandHeights { _, extents, _ in extents.map { min(8, $0.height) } })
      let tall = try network.plan(width: 640, height: 4_000)
      let taller = try network.plan(width: 640, height: 12_345)
      #expect(taller.size <= tall.size + tall.size / 100)
      // The last bands have other heights.
      #expect(taller.compiledSize <= tall.compiledSize * 2)
      #expect(try network.plan(width: 1_280, height: 4_000).size <= 3 * tall.size)
    }
  }

  /// An image that is given up leaves nothing behind for the next one.
  @Test func anImageMayEndEarly() throws {
    let random = RandomNetwork(seed: 31)
    let network = try random.network()
    let expected = try random.features(network)
    do {
      let scan = try network.scan(
        width: random.width, height: random.height, normalization: RandomNetwork.normalization)
      #expect(scan.missingRows == random.height)
      try scan.append(random.pixels.span.extracting(first: 3 * random.width))
      #expect(scan.missingRows == random.height - 1)
    }
    let again = try random.features(network)
    #expect(again.means == expected.means && again.projection == expected.projection)
  }
}
