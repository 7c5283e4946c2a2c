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
  ///   - type: bf16: weights and all maps but the last are rounded to it.
  static func run(
    _ graph: Graph, _ parameters: [ConvolutionParameters], _ input: Map, _ type: DataType = .fp32
  ) -> Map {
    func rounded(_ value: Double) -> Double {
      Double(Float(bitPattern: UInt32(BFloat16.rounding(Float(value))) << 16))
    }
    var parameters = parameters
    if type == .bf16 {
      for index in parameters.indices {
        parameters[index].weights = parameters[index].weights.map { Float(rounded(Double($0))) }
      }
    }
    var maps: [Map] = []
    for (node, index) in zip(graph.nodes, graph.values.map(\.index)) {
      var map =
        switch node {
        case .input: input
        case .convolution(let index, let convolution, let source, let residual):
          run(convolution, parameters[index], maps[source.index], adding: residual.map { maps[$0.index].values })
        case .maxPooling(let window, let source): run(window, maps[source.index])
        }
      if type == .bf16, index != graph.output.index { map.values = map.values.map(rounded) }
      maps.append(map)
    }
    return maps[maps.count - 1]
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
