import TestSupport
import Testing

@testable import NeuralNetwork

@Suite(.enabled(if: DataType.u8.isSupported, "skipped: this processor has no AVX512-VNNI"))
struct INT8Tests {
  /// What rounding weights and stored values to their numbers gives, and nothing else.
  @Test func agreesWithTheDefinition() throws {
    var count = 0
    var errors: [Double] = []
    for seed in UInt64(1)...300 {
      let random = RandomNetwork(seed: seed)
      guard random.fitsINT8, random.graph.convolutions.count > 1 else { continue }
      count += 1
      let arithmetic = Arithmetic.int8(try random.calibration())
      let features = try random.features(random.network(arithmetic))
      let exact = NaiveExecution.run(random.graph, random.parameters, random.input)
      let rounded = NaiveExecution.run(random.graph, random.parameters, random.input, arithmetic)
      try #require(features.height == exact.height && features.width == exact.width, "seed \(seed)")
      let projection = try #require(features.projection)
      let scale = exact.values.reduce(1) { max($0, abs($1)) } * Double(exact.channels).squareRoot()
      func differences(_ map: NaiveExecution.Map) -> [Double] {
        projection.indices.map { position in
          let sum = (0..<map.channels).reduce(0) {
            $0 + random.weights[$1] * map.values[$1 * projection.count + position]
          }
          return abs(projection[position] - sum) / scale
        }
      }
      // Now and then a value lies between two numbers, and fp32's rounding decides.
      let found = differences(rounded)
      #expect(found.reduce(0, max) <= 0x1p-5, "seed \(seed)")
      #expect(found.reduce(0, +) <= 0x1p-10 * Double(found.count), "seed \(seed)")
      errors += differences(exact)
    }
    #expect(count > 60)
    let mean = errors.reduce(0, +) / Double(errors.count)
    #expect(mean < 0x1p-6 && mean > 0x1p-12, "8 bits are neither exact nor useless: \(mean)")
  }

  @Test func weightsHaveAStepForEachChannel() {
    let weights = QuantizedWeights([0.5, -1, 0.25, 0, 0, 0, 1e-30, -1e-30, 0], channels: 3)
    #expect(weights.bytes == [64, -127, 32, 0, 0, 0, 0, 0, 0])
    #expect(weights.steps == [1 / 127, 1e-20, 1e-20])
  }

  /// A sum far beyond the range, both ways, becomes the outermost number and not one that has wrapped around.
  @Test(arguments: [Activation.none, .relu, .relu6]) func valuesBeyondTheRangeAreCut(_ activation: Activation) throws {
    var graph = Graph(inputChannels: 3)
    let pointwise = Window(kernel: 1)
    func convolution(_ activation: Activation) -> Convolution {
      Convolution(inputChannels: 3, outputChannels: 3, window: pointwise, activation: activation)
    }
    let first = graph.convolution(convolution(.none), of: graph.input)
    let second = graph.convolution(convolution(activation), of: first)
    _ = graph.convolution(convolution(.none), of: second)
    let identity: [Float] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    let network = try Network(graph, .int8(Calibration(ranges: [2, 1, 100])), threads: 1) { layer in
      ConvolutionParameters(weights: identity.map { layer == 1 ? $0 * 50 : $0 }, bias: [0, 0, 0])
    }
    // -2 to 2, times 50.
    let features = try network.features(
      of: [0, 255, 128], width: 1, height: 1,
      normalization: PixelNormalization(mean: [0.5, 0.5, 0.5], standardDeviation: [0.25, 0.25, 0.25]))
    let expected = [activation == .none ? -128.0 / 127 : 0, 1, features.means[2]]
    for (found, expected) in zip(features.means, expected) { #expect(abs(found - expected) < 1e-5) }
  }
}

@Suite struct CalibrationTests {
  private func range(_ values: [Float], levels: Int = 255) -> Float {
    var histogram = MagnitudeHistogram()
    values.withUnsafeBufferPointer { histogram.add($0, every: 1) }
    return histogram.bestRange(levels: levels)
  }

  @Test func nothingIsCutOffWhereAllMagnitudesOccurEquallyOften() {
    let values = (1...1_000).map { Float($0) / 100 * ($0 % 2 == 0 ? 1 : -1) }
    #expect((9.5...10.5).contains(range(values)))
  }

  /// One value far out would take most of the numbers away from the others.
  @Test func aRareOutlierIsCutOff() {
    let values = (0..<100_000).map { Float($0 % 100) / 100 }
    #expect((0.9...3).contains(range(values + [8], levels: 15)))
    #expect(range(values + [8], levels: 100_000) >= 8)
  }

  @Test func zerosHaveNoRange() {
    #expect(range([0, 0, 0]) == 0)
    #expect(range([]) == 0)
    #expect(range([.leastNonzeroMagnitude]).isFinite)
    #expect(range([.greatestFiniteMagnitude]).isFinite)
  }

  /// Only the last channel holds anything, whatever number of channels there is.
  @Test(arguments: [1, 13, 26, 64, 208, 221, 13 * 17 * 19]) func allChannelsAreSampled(_ channels: Int) {
    var histogram = MagnitudeHistogram()
    let values = [Float](repeating: 0, count: channels - 1) + [1]
    for _ in 0..<100 {
      values.withUnsafeBufferPointer { histogram.add($0, every: FeatureStatistics.sampling(channels: channels)) }
    }
    #expect(histogram.bestRange(levels: 255) > 0.9)
  }
}
