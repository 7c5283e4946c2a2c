import Testing

@testable import NeuralNetwork

@Suite struct NetworkTests {
  /// Random graphs: any kernel, stride, asymmetric padding, depthwise or not, residuals that are read again later.
  @Test func agreesWithTheDefinition() throws {
    for seed in UInt64(1)...150 {
      let random = RandomNetwork(seed: seed)
      let features = try random.features(random.network())
      let expected = NaiveExecution.run(random.graph, random.parameters, random.input)
      try #require(features.height == expected.height && features.width == expected.width, "seed \(seed)")
      let positions = expected.height * expected.width
      let scale = expected.values.reduce(1) { max($0, abs($1)) }
      for channel in 0..<expected.channels {
        let sum = expected.values[channel * positions..<(channel + 1) * positions].reduce(0, +)
        #expect(abs(features.means[channel] - sum / Double(positions)) <= 1e-5 * scale, "seed \(seed)")
      }
      let projection = try #require(features.projection)
      for position in 0..<positions {
        let sum = (0..<expected.channels).reduce(0) {
          $0 + random.weights[$1] * expected.values[$1 * positions + position]
        }
        #expect(abs(projection[position] - sum) <= 1e-4 * scale, "seed \(seed)")
      }
    }
  }

  /// One class of widths: what a wider image has left right of a narrower one is not seen.
  @Test func whatLiesRightOfTheImageDoesNotMatter() throws {
    for seed in UInt64(300)...330 {
      var random = RandomNetwork(seed: seed)
      random = RandomNetwork(random.graph, width: random.width, height: random.height, seed: seed)
      let expected = try random.features(random.network())
      let network = try random.network()
      let wide = WidthClass.rounding(random.width)
      _ = try network.features(
        of: Array(repeating: 255, count: 3 * wide * random.height), width: wide, height: random.height,
        normalization: PixelNormalization(mean: [-1e6, 1e6, -1e6], standardDeviation: [0.01, 0.01, 0.01]))
      let features = try random.features(network)
      #expect(features.means == expected.means && features.projection == expected.projection, "seed \(seed)")
    }
  }

  /// Neither earlier images nor more sizes than there are kept plans nor the number of threads leave a trace.
  @Test func answersDoNotDependOnHistoryOrThreads() throws {
    let random = RandomNetwork(seed: 11)
    let network = try random.network(threads: 2)
    let first = try random.features(network)
    for size in 1...20 {
      let pixels = [UInt8](repeating: UInt8(size), count: 3 * size * (21 - size))
      _ = try network.features(
        of: pixels, width: size, height: 21 - size, normalization: RandomNetwork.normalization)
      let again = try random.features(network)
      #expect(again.means == first.means && again.projection == first.projection)
    }
    let single = try random.features(random.network(threads: 1))
    for (left, right) in zip(single.means, first.means) {
      #expect(abs(left - right) <= 1e-5 * max(1, abs(right)))
    }
  }

  /// Each image with a number of its own, odd and more than there are processors, and one that began before another was
  /// wanted goes on with its own: always the very answer of a network that was made for it.
  @Test func threadsMayChangeFromImageToImage() throws {
    for seed in UInt64(30)..<50 {
      let random = RandomNetwork(seed: seed)
      let expected = try ([1, 2, 3, 5] as [Int]).map { ($0, try random.features(random.network(threads: $0)).means) }
      let network = try random.network(threads: 4)
      for _ in 0..<2 {
        for (threads, means) in expected + expected.reversed() {
          network.threads = threads
          #expect(try random.features(network).means == means, "seed \(seed), \(threads) threads")
          let scan = try network.scan(
            width: random.width, height: random.height, normalization: RandomNetwork.normalization)
          network.threads = 7 - threads
          try scan.append(random.pixels.span)
          #expect(scan.finish().means == means, "seed \(seed), \(threads) threads")
        }
      }
    }
  }

  @Test func theProjectionAndTheMeansAreOneThing() throws {
    for seed in UInt64(200)...220 {
      let random = RandomNetwork(seed: seed)
      let features = try random.features(random.network())
      let projection = try #require(features.projection)
      let mean = projection.reduce(0, +) / Double(projection.count)
      let head = zip(features.means, random.weights).reduce(0) { $0 + $1.0 * $1.1 }
      let scale = zip(features.means, random.weights).reduce(0) { $0 + abs($1.0 * $1.1) }
      #expect(abs(mean - head) <= 1e-12 * max(1, scale), "seed \(seed)")
    }
  }

  @Test func anImageThatVanishesInTheNetworkIsRefused() throws {
    var graph = Graph(inputChannels: 3)
    let convolution = Convolution(inputChannels: 3, outputChannels: 4, window: Window(kernel: 3, stride: 2))
    _ = graph.convolution(convolution, of: graph.input)
    let network = try Network(graph) { _ in
      ConvolutionParameters(weights: Array(repeating: 1, count: 108), bias: [0, 0, 0, 0])
    }
    let error = #expect(throws: NetworkError.self) {
      _ = try network.features(
        of: Array(repeating: 0, count: 3 * 2 * 9), width: 2, height: 9, normalization: RandomNetwork.normalization)
    }
    #expect(error?.code == .imageTooSmall)
    // The network is none the worse for it.
    let features = try network.features(
      of: Array(repeating: 255, count: 27), width: 3, height: 3,
      normalization: PixelNormalization(mean: [0, 0, 0], standardDeviation: [1, 1, 1]))
    #expect(features.means.allSatisfy { abs($0 - 27) < 1e-4 })
  }

  @Test func memoryIsCheckedBeforeItIsTaken() throws {
    let random = RandomNetwork(seed: 5)
    let network = try random.network()
    let needed = try network.workingMemory(width: 40_000, height: 30_000)
    #expect(needed > 3 * 4 * 40_000 && needed < 40_000 * 30_000)
    let size = try network.weightsSize + network.workingMemory(width: random.width, height: random.height)
    #expect(throws: NetworkError.self) {
      _ = try network.features(
        of: random.pixels, width: random.width, height: random.height, normalization: RandomNetwork.normalization,
        memoryLimit: size - 1)
    }
    _ = try network.features(
      of: random.pixels, width: random.width, height: random.height, normalization: RandomNetwork.normalization,
      memoryLimit: size)
  }

  /// oneDNN's tables for a wide window grow with the image's width, and are nobody's but the image's.
  @Test func whatIsCompiledCountsAsMemory() throws {
    var graph = Graph(inputChannels: 3)
    _ = graph.convolution(
      Convolution(inputChannels: 3, outputChannels: 16, window: Window(kernel: 3, stride: 2, padding: Padding(1))),
      of: graph.input)
    func makeNetwork() throws -> Network {
      try Network(graph) { _ in
        ConvolutionParameters(weights: Array(repeating: 1, count: 432), bias: Array(repeating: 0, count: 16))
      }
    }
    let network = try makeNetwork()
    let plan = try network.plan(width: 4_000, height: 500)
    #expect(plan.compiledSize >= plan.shapes.count * 4_000 * 900)
    let needed = try network.workingMemory(width: 4_000, height: 500)
    #expect(needed == plan.size + plan.compiledSize)
    #expect(throws: NetworkError.self) {
      _ = try network.scan(
        width: 4_000, height: 500, normalization: RandomNetwork.normalization,
        memoryLimit: network.weightsSize + needed - 1)
    }
    // Tables that are too large are not made to find out.
    let other = try makeNetwork()
    #expect(throws: NetworkError.self) {
      _ = try other.scan(
        width: 4_000, height: 500, normalization: RandomNetwork.normalization,
        memoryLimit: other.weightsSize + plan.size + plan.compiledSize / 2)
    }
    #expect(other.cache.shapes.isEmpty)
  }

  /// Before the first image they are counted as they will lie: those of a convolution by Winograd's algorithm take four
  /// times as much.
  @Test func weightsAreCountedAsTheyWillLie() throws { try countWeights(.fp32) }

  @Test(.enabled(if: DataType.bf16.isSupported, "skipped: this processor has no AVX-512"))
  func weightsAreCountedAsTheyWillLieInBF16() throws { try countWeights(.bf16) }

  private func countWeights(_ arithmetic: Arithmetic) throws {
    let (channels, count) = (32, 32 * 32 * 9)
    var graph = Graph(inputChannels: 3)
    let stem = graph.convolution(
      Convolution(inputChannels: 3, outputChannels: channels, window: Window(kernel: 1)), of: graph.input)
    _ = graph.convolution(
      Convolution(inputChannels: channels, outputChannels: channels, window: Window(kernel: 3, padding: Padding(1))),
      of: stem)
    let network = try Network(graph, arithmetic) { index in
      ConvolutionParameters(
        weights: Array(repeating: 1, count: index == 0 ? 3 * channels : count),
        bias: Array(repeating: 0, count: channels))
    }
    let expected = network.weightsSize
    _ = try network.features(
      of: Array(repeating: 1, count: 3 * 20 * 10), width: 20, height: 10, normalization: RandomNetwork.normalization)
    #expect(abs(network.weightsSize - expected) <= expected / 20)
    let isTransformed = arithmetic == .fp32 && WinogradOperation.Instructions.best != nil
    #expect(expected >= count * (isTransformed ? 16 : 2))
    #expect(expected <= count * (isTransformed ? 17 : 5))
  }

  @Test func parametersOfTheWrongSizeAreRefused() {
    var graph = Graph(inputChannels: 3)
    _ = graph.convolution(
      Convolution(inputChannels: 3, outputChannels: 2, window: Window(kernel: 1)), of: graph.input)
    for (weights, bias) in [(5, 2), (7, 2), (6, 1), (6, 3)] {
      let error = #expect(throws: NetworkError.self) {
        _ = try Network(graph) { _ in
          ConvolutionParameters(
            weights: Array(repeating: 0, count: weights), bias: Array(repeating: 0, count: bias))
        }
      }
      #expect(error?.code == .badParameters)
    }
  }
}
