import TestSupport
import Testing

@testable import NeuralNetwork

@Suite(.enabled(if: DataType.bf16.isSupported, "skipped: this processor has no AVX-512"))
struct BF16Tests {
  /// What rounding every weight and every stored value to bf16 gives, and nothing else: the sums are fp32, and so is the
  /// last map. From fp32 it is a few roundings away.
  @Test func agreesWithTheDefinition() throws {
    var (count, largest) = (0, 0.0)
    for seed in UInt64(1)...150 {
      let random = RandomNetwork(seed: seed)
      guard random.endsInConvolution else { continue }
      count += 1
      let features = try random.features(random.network(.bf16))
      let exact = NaiveExecution.run(random.graph, random.parameters, random.input)
      let rounded = NaiveExecution.run(random.graph, random.parameters, random.input, .bf16)
      try #require(features.height == exact.height && features.width == exact.width, "seed \(seed)")
      let projection = try #require(features.projection)
      let scale = exact.values.reduce(1) { max($0, abs($1)) }
      func difference(_ map: NaiveExecution.Map) -> Double {
        projection.indices.reduce(0) { difference, position in
          let sum = (0..<map.channels).reduce(0) {
            $0 + random.weights[$1] * map.values[$1 * projection.count + position]
          }
          return max(difference, abs(projection[position] - sum))
        }
      }
      // Now and then a sum lies between two numbers of bf16, and the order of its terms decides.
      #expect(difference(rounded) <= 0x1p-8 * scale, "seed \(seed)")
      #expect(difference(exact) <= 0x1p-5 * scale, "seed \(seed)")
      largest = max(largest, difference(exact) / scale)
    }
    #expect(count > 100)
    #expect(largest > 0x1p-10, "this is fp32")
  }

  @Test func pixelsAreRoundedOnce() {
    let normalization = RandomNetwork.normalization
    let pixels = (0..<768).map { UInt8($0 / 3) }
    var exact = [Float](repeating: 0, count: 768)
    var rounded = [UInt16](repeating: 0, count: 768)
    pixels.withUnsafeBufferPointer { pixels in
      exact.withUnsafeMutableBytes {
        if let target = $0.baseAddress { normalization.apply(to: pixels, into: target, as: .fp32) }
      }
      rounded.withUnsafeMutableBytes {
        if let target = $0.baseAddress { normalization.apply(to: pixels, into: target, as: .bf16) }
      }
    }
    for (value, bits) in zip(exact, rounded) {
      // Half of the distance between two numbers of bf16.
      let number = Float(bitPattern: UInt32(bits) << 16)
      #expect(abs(number - value) <= value.binade.magnitude * 0x1p-8, "\(value) became \(number)")
    }
  }

  /// Ties go to the even one; what is a number of bf16 stays.
  @Test func rounding() {
    func rounded(_ value: Float) -> Float { Float(bitPattern: UInt32(BFloat16.rounding(value)) << 16) }
    #expect(rounded(1 + 0x1p-8) == 1)
    #expect(rounded(1 + 0x3p-8) == 1 + 0x1p-6)
    #expect(rounded(1 + 0x1p-8 + 0x1p-20) == 1 + 0x1p-7)
    #expect(rounded(-1 - 0x1p-8) == -1)
    #expect(rounded(.greatestFiniteMagnitude) == .infinity)
    for value: Float in [0, 1, -2.5, 0x1p-130, 0x1.FEp100] { #expect(rounded(value) == value) }
  }

  @Test func memoryIsHalf() throws {
    var random = SeededGenerator(seed: 3)
    let network = RandomNetwork(RandomResNet.graph(using: &random), width: 1, height: 1, seed: 4)
    let bands = BandHeights { _, extents, _ in extents.map { min(8, $0.height) } }
    let full = try network.network(bands: bands).plan(width: 640, height: 4_000).size
    let half = try network.network(.bf16, bands: bands).plan(width: 640, height: 4_000).size
    #expect(half < full / 10 * 7)
  }
}
