@testable import NeuralNetwork

/// The same graph by the definition of its operations, one value at a time: in Double, and what is stored rounded.
struct NaiveExecution {
  struct Map {
    var channels: Int
    var height: Int
    var width: Int
    /// (C, H, W)
    var values: [Double]
  }

  /// - Parameters:
  ///   - input: (3, H, W)
  ///   - arithmetic: weights and maps are rounded to what it stores.
  static func run(
    _ graph: Graph, _ parameters: [ConvolutionParameters], _ input: Map, _ arithmetic: Arithmetic = .fp32
  ) -> Map {
    let encoded = EncodedGraph(graph, arithmetic)
    var maps: [Map] = []
    for (node, encoding) in zip(encoded.graph.nodes, encoded.encodings) {
      var map =
        switch node {
        case .input: input
        case .convolution(let index, let convolution, let source, let residual):
          run(
            convolution, parameters[index].rounded(for: encoded.encodings[source.index].type, convolution),
            maps[source.index], adding: residual.map { maps[$0.index].values })
        case .maxPooling(let window, let source): run(window, maps[source.index])
        case .conversion(let source): maps[source.index]
        }
      map.values = map.values.map { rounded($0, to: encoding) }
      maps.append(map)
    }
    return maps[maps.count - 1]
  }

  /// fp32 stands for no rounding at all.
  private static func rounded(_ value: Double, to encoding: Encoding) -> Double {
    let step = Double(encoding.step)
    func nearest(_ range: ClosedRange<Double>) -> Double {
      min(max((value / step).rounded(.toNearestOrEven), range.lowerBound), range.upperBound) * step
    }
    return switch encoding.type {
    case .fp32: value
    case .bf16: Double(Float(bitPattern: UInt32(BFloat16.rounding(Float(value))) << 16))
    case .u8: nearest(0...255)
    case .s8: nearest(-128...127)
    }
  }

  private static func run(
    _ convolution: Convolution, _ parameters: ConvolutionParameters, _ input: Map, adding residual: [Double]?
  ) -> Map {
    let window = convolution.window
    var output = Map(
      channels: convolution.outputChannels, height: window.outputLength(input.height),
      width: window.outputLength(input.width), values: [])
    let inputs = convolution.inputChannels / convolution.groups
    let outputs = convolution.outputChannels / convolution.groups
    let k = window.kernel
    for channel in 0..<output.channels {
      for y in 0..<output.height {
        for x in 0..<output.width {
          var sum = Double(parameters.bias[channel])
          for c in 0..<inputs {
            let plane = (channel / outputs * inputs + c) * input.height
            for dy in 0..<k {
              let row = y * window.stride - window.padding.before + dy
              guard (0..<input.height).contains(row) else { continue }
              for dx in 0..<k {
                let column = x * window.stride - window.padding.before + dx
                guard (0..<input.width).contains(column) else { continue }
                let weight = parameters.weights[((channel * inputs + c) * k + dy) * k + dx]
                sum += Double(weight) * input.values[(plane + row) * input.width + column]
              }
            }
          }
          if let residual { sum += residual[output.values.count] }
          switch convolution.activation {
          case .none: break
          case .relu: sum = max(sum, 0)
          case .relu6: sum = min(max(sum, 0), 6)
          }
          output.values.append(sum)
        }
      }
    }
    return output
  }

  private static func run(_ window: Window, _ input: Map) -> Map {
    var output = Map(
      channels: input.channels, height: window.outputLength(input.height), width: window.outputLength(input.width),
      values: [])
    for channel in 0..<input.channels {
      for y in 0..<output.height {
        for x in 0..<output.width {
          var largest = -Double.infinity
          for dy in 0..<window.kernel {
            let row = y * window.stride - window.padding.before + dy
            guard (0..<input.height).contains(row) else { continue }
            for dx in 0..<window.kernel {
              let column = x * window.stride - window.padding.before + dx
              guard (0..<input.width).contains(column) else { continue }
              largest = max(largest, input.values[(channel * input.height + row) * input.width + column])
            }
          }
          output.values.append(largest)
        }
      }
    }
    return output
  }
}

extension ConvolutionParameters {
  /// - Parameter source: what the convolution reads.
  fileprivate func rounded(for source: DataType, _ convolution: Convolution) -> ConvolutionParameters {
    switch source {
    case .fp32: return self
    case .bf16:
      let weights = weights.map { Float(bitPattern: UInt32(BFloat16.rounding($0)) << 16) }
      return ConvolutionParameters(weights: weights, bias: bias)
    case .u8, .s8:
      let quantized = QuantizedWeights(weights, channels: convolution.outputChannels)
      let perChannel = weights.count / convolution.outputChannels
      let weights = quantized.bytes.indices.map { Float(quantized.bytes[$0]) * quantized.steps[$0 / perChannel] }
      return ConvolutionParameters(weights: weights, bias: bias)
    }
  }
}
