import TestSupport

@testable import NeuralNetwork

/// Small networks of the structure of ResNets.
enum RandomResNet {
  static func bottlenecks(widths: [Int], depths: [Int], strides: [Int]) -> Graph {
    var graph = Graph(inputChannels: 3)
    let stem = Convolution(
      inputChannels: 3, outputChannels: widths[0], window: Window(kernel: 7, padding: Padding(3)), activation: .relu)
    var value = graph.convolution(stem, of: graph.input)
    value = graph.maxPooling(Window(kernel: 3, padding: Padding(1)), of: value)
    for (stage, width) in widths.enumerated() {
      for block in 0..<depths[stage] {
        value = graph.appendBlock(
          width, expansion: 4, stride: block == 0 ? strides[stage] : 1, bottleneck: true, to: value)
      }
    }
    return graph
  }

  static func graph(using random: inout SeededGenerator) -> Graph {
    var graph = Graph(inputChannels: 3)
    let kernel = [3, 5, 7].randomElement(using: &random) ?? 3
    let window = Window(kernel: kernel, stride: Int.random(in: 1...2, using: &random), padding: Padding(kernel / 2))
    let width = [4, 8, 16].randomElement(using: &random) ?? 4
    var value = graph.convolution(
      Convolution(inputChannels: 3, outputChannels: width, window: window, activation: .relu), of: graph.input)
    if Bool.random(using: &random) {
      let stride = Int.random(in: 1...2, using: &random)
      value = graph.maxPooling(Window(kernel: 3, stride: stride, padding: Padding(1)), of: value)
    }
    let bottleneck = Bool.random(using: &random)
    for stage in 0..<Int.random(in: 1...4, using: &random) {
      for block in 0..<Int.random(in: 1...3, using: &random) {
        let stride = block > 0 ? 1 : stage == 0 ? 1 : Int.random(in: 1...3, using: &random)
        value = graph.appendBlock(
          width << min(stage, 2), expansion: bottleneck ? 4 : 1, stride: stride, bottleneck: bottleneck, to: value)
      }
    }
    return graph
  }
}

/// Small networks of the structure of EfficientNet-Lite, padding included.
enum RandomLite {
  static func graph(using random: inout SeededGenerator) -> Graph {
    var graph = Graph(inputChannels: 3)
    let stem = Convolution(
      inputChannels: 3, outputChannels: 8, window: .same(kernel: 3, stride: 2), activation: .relu6)
    var value = graph.convolution(stem, of: graph.input)
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let kernel = [3, 5].randomElement(using: &random) ?? 3
      let stride = Int.random(in: 1...2, using: &random)
      let width = [4, 8, 16, 24].randomElement(using: &random) ?? 8
      let expansion = [1, 4, 6].randomElement(using: &random) ?? 1
      for repetition in 0..<Int.random(in: 1...3, using: &random) {
        let source = value
        let step = repetition == 0 ? stride : 1
        let wide = source.channels * expansion
        if expansion > 1 {
          value = graph.convolution(
            Convolution(
              inputChannels: value.channels, outputChannels: wide, window: Window(kernel: 1), activation: .relu6),
            of: value)
        }
        value = graph.convolution(
          Convolution(
            inputChannels: wide, outputChannels: wide, groups: wide, window: .same(kernel: kernel, stride: step),
            activation: .relu6), of: value)
        value = graph.convolution(
          Convolution(inputChannels: wide, outputChannels: width, window: Window(kernel: 1)), of: value,
          adding: step == 1 && source.channels == width ? source : nil)
      }
    }
    let head = Convolution(
      inputChannels: value.channels, outputChannels: 32, window: Window(kernel: 1), activation: .relu6)
    _ = graph.convolution(head, of: value)
    return graph
  }
}

extension Graph {
  fileprivate mutating func appendBlock(
    _ width: Int, expansion: Int, stride: Int, bottleneck: Bool, to source: Value
  ) -> Value {
    func layer(_ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, active: Bool = true) -> Convolution {
      Convolution(
        inputChannels: inputs, outputChannels: outputs,
        window: Window(kernel: kernel, stride: stride, padding: Padding(kernel / 2)), activation: active ? .relu : .none
      )
    }
    var inner = source
    if bottleneck { inner = convolution(layer(source.channels, width, 1), of: inner) }
    inner = convolution(layer(inner.channels, width, 3, stride: stride), of: inner)
    var shortcut = source
    if stride != 1 || source.channels != width * expansion {
      shortcut = convolution(layer(source.channels, width * expansion, 1, stride: stride, active: false), of: source)
    }
    return convolution(layer(width, width * expansion, bottleneck ? 1 : 3), of: inner, adding: shortcut)
  }
}

extension Window {
  fileprivate static func same(kernel: Int, stride: Int) -> Window {
    let total = kernel - stride
    return Window(kernel: kernel, stride: stride, padding: Padding(before: total / 2, after: total - total / 2))
  }
}
