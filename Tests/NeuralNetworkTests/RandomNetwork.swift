import TestSupport

@testable import NeuralNetwork

/// A small graph with any mixture of what graphs can hold, parameters and an image, out of one seed.
struct RandomNetwork {
  var graph = Graph(inputChannels: 3)
  var parameters: [ConvolutionParameters] = []
  var width: Int
  var height: Int
  var pixels: [UInt8]
  /// One per output channel.
  var weights: [Double]

  static let mean = [0.5, 0.4, 0.3]
  static let standardDeviation = [0.25, 0.5, 0.2]
  static let normalization = PixelNormalization(mean: mean, standardDeviation: standardDeviation)

  init(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    width = Int.random(in: 1...40, using: &random)
    height = Int.random(in: 1...20, using: &random)
    pixels = (0..<3 * width * height).map { _ in UInt8.random(in: 0...255, using: &random) }
    weights = []
    var values = [graph.input]
    // Of the image and of the width that it has in memory.
    var extents = [[Extent(height: height, width: width), Extent(height: height, width: WidthClass.rounding(width))]]
    for _ in 0..<Int.random(in: 1...7, using: &random) {
      let index = Int.random(in: 0..<values.count, using: &random)
      let source = values[index]
      let kernel = Int.random(in: 1...5, using: &random)
      let before = Int.random(in: 0..<kernel, using: &random)
      // Never smaller than what one pixel needs.
      let padding = Padding(before: before, after: max(kernel - 1 - before, Int.random(in: 0..<kernel, using: &random)))
      let window = Window(kernel: kernel, stride: Int.random(in: 1...3, using: &random), padding: padding)
      let extent = extents[index].map {
        Extent(height: window.outputLength($0.height), width: window.outputLength($0.width))
      }
      if graph.canPool(source), Int.random(in: 0..<3, using: &random) == 0 {
        values.append(graph.maxPooling(window, of: source))
      } else {
        let depthwise = Bool.random(using: &random)
        let residual = values.indices.filter { extents[$0] == extent }.randomElement(using: &random)
          .flatMap { Bool.random(using: &random) ? values[$0] : nil }
        let free = [3, 8, 16, 17, 32].randomElement(using: &random) ?? 3
        let channels = residual?.channels ?? (depthwise ? source.channels : free)
        let convolution = Convolution(
          inputChannels: source.channels, outputChannels: channels,
          groups: depthwise && channels == source.channels ? channels : 1, window: window,
          activation: [.none, .relu, .relu6].randomElement(using: &random) ?? .none)
        parameters.append(.random(for: convolution, using: &random))
        values.append(graph.convolution(convolution, of: source, adding: residual))
      }
      extents.append(extent)
    }
    weights = (0..<graph.output.channels).map { _ in Double.random(in: -1...1, using: &random) }
  }

  /// Random parameters and an image for a graph.
  init(_ graph: Graph, width: Int, height: Int, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    self.graph = graph
    (self.width, self.height) = (width, height)
    pixels = (0..<3 * width * height).map { _ in UInt8.random(in: 0...255, using: &random) }
    parameters = graph.convolutions.map { .random(for: $0, using: &random) }
    weights = (0..<graph.output.channels).map { _ in Double.random(in: -1...1, using: &random) }
  }

  /// - Parameter bands: nil: as the package does it.
  func network(_ arithmetic: Arithmetic = .fp32, threads: Int? = nil, bands: BandHeights? = nil) throws -> Network {
    guard let bands else { return try Network(graph, arithmetic, threads: threads) { parameters[$0] } }
    return try Network(graph, arithmetic, threads: threads, bands: bands) { parameters[$0] }
  }

  var endsInConvolution: Bool {
    if case .convolution = graph.nodes[graph.output.index] { true } else { false }
  }

  /// Nothing but convolutions reads the image, and none adds it to its result.
  var fitsINT8: Bool {
    endsInConvolution
      && graph.nodes.allSatisfy { node in
        switch node {
        case .input, .conversion: true
        case .convolution(_, _, let source, let residual):
          residual != graph.input && (source != graph.input || residual == nil)
        case .maxPooling(_, let source): source != graph.input
        }
      }
  }

  /// From the image itself.
  func calibration() throws -> Calibration {
    let statistics = FeatureStatistics(graph)
    let scan = try network().scan(
      width: width, height: height, normalization: Self.normalization, observing: statistics)
    try scan.append(pixels.span)
    return statistics.calibration
  }

  func features(_ network: Network) throws -> Features {
    try network.features(
      of: pixels, width: width, height: height, normalization: Self.normalization, projectedOn: weights)
  }

  /// - Parameter rows: that come at a time.
  func features(_ network: Network, rows: Int) throws -> Features {
    let scan = try network.scan(
      width: width, height: height, normalization: Self.normalization, projectedOn: weights)
    for start in stride(from: 0, to: pixels.count, by: 3 * width * rows) {
      try scan.append(pixels.span.extracting(start..<min(start + 3 * width * rows, pixels.count)))
    }
    return scan.finish()
  }

  /// (3, H, W)
  var input: NaiveExecution.Map {
    var values: [Double] = []
    for channel in 0..<3 {
      for position in 0..<width * height {
        let value = Double(pixels[3 * position + channel]) / 255
        values.append((value - Self.mean[channel]) / Self.standardDeviation[channel])
      }
    }
    return NaiveExecution.Map(channels: 3, height: height, width: width, values: values)
  }
}

extension Graph {
  /// Whether all of a value is 0 or more.
  fileprivate func canPool(_ value: Value) -> Bool {
    if case .convolution(_, let convolution, _, _) = nodes[value.index] {
      convolution.activation != .none
    } else {
      false
    }
  }
}

extension ConvolutionParameters {
  /// Neither vanishing nor exploding on the way through a network.
  fileprivate static func random(for convolution: Convolution, using random: inout SeededGenerator)
    -> ConvolutionParameters
  {
    let fanIn = convolution.weightCount / convolution.outputChannels
    let scale = Float(2 / Double(fanIn).squareRoot())
    return ConvolutionParameters(
      weights: (0..<convolution.weightCount).map { _ in Float.random(in: -scale...scale, using: &random) },
      bias: (0..<convolution.outputChannels).map { _ in Float.random(in: -1...1, using: &random) })
  }
}
