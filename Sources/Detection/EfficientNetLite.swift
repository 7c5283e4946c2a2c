import NeuralNetwork

/// The EfficientNet-Lite family (Tan & Le 2019; Liu 2020): inverted residuals, ReLU6 everywhere, no squeeze and
/// excitation; the tensor names of the published checkpoints.
package struct EfficientNetLite: Hashable, Sendable, Codable {
  package struct Stem: Hashable, Sendable, Codable {
    package var kernel: Int
    package var stride: Int
    package var width: Int

    package init(kernel: Int, stride: Int, width: Int) {
      self.kernel = kernel
      self.stride = stride
      self.width = width
    }
  }

  /// Inverted residual blocks that differ in the first one's stride and input only.
  package struct Stage: Hashable, Sendable, Codable {
    package var kernel: Int
    package var stride: Int
    package var expand: Int
    package var width: Int
    package var repeats: Int

    package init(kernel: Int, stride: Int, expand: Int, width: Int, repeats: Int) {
      self.kernel = kernel
      self.stride = stride
      self.expand = expand
      self.width = width
      self.repeats = repeats
    }
  }

  package var stem: Stem
  package var blocks: [Stage]
  /// Channels of the last 1×1 convolution.
  package var head: Int
  /// Of an image's shorter side, in pixels.
  package var minimumSize: Int

  private enum CodingKeys: String, CodingKey {
    case stem, blocks, head
    case minimumSize = "minimum_size"
  }

  package init(stem: Stem, blocks: [Stage], head: Int, minimumSize: Int) {
    self.stem = stem
    self.blocks = blocks
    self.head = head
    self.minimumSize = minimumSize
  }

  var problem: String? {
    typealias Limits = ArchitectureLimits
    guard Limits.kernel.contains(stem.kernel), Limits.stride.contains(stem.stride), Limits.width.contains(stem.width),
      Limits.width.contains(head), Limits.width.contains(minimumSize)
    else { return "the stem, head or minimum_size is out of range" }
    guard Limits.stages.contains(blocks.count) else {
      return "it needs between 1 and \(Limits.stages.upperBound) stages"
    }
    for block in blocks {
      guard Limits.kernel.contains(block.kernel), Limits.stride.contains(block.stride),
        Limits.width.contains(block.width), Limits.stride.contains(block.expand),
        Limits.blocks.contains(block.repeats)
      else { return "a block's kernel, stride, expand, width or repeats is out of range" }
    }
    guard Limits.blocks.contains(blocks.reduce(0) { $0 + $1.repeats }) else { return "it has too many blocks" }
    return nil
  }

  var definition: NetworkDefinition {
    var network = NetworkDefinition(epsilon: 1e-3)
    var value = network.convolution(
      "_conv_stem", "_bn0", of: network.graph.input, width: stem.width,
      window: Self.window(kernel: stem.kernel, stride: stem.stride), activation: .relu6)
    var index = 0
    for stage in blocks {
      for repetition in 0..<stage.repeats {
        value = append(
          "_blocks.\(index)", stage, stride: repetition == 0 ? stage.stride : 1, to: value, in: &network)
        index += 1
      }
    }
    _ = network.convolution(
      "_conv_head", "_bn1", of: value, width: head, window: Window(kernel: 1), activation: .relu6)
    return network
  }

  private func append(
    _ name: String, _ stage: Stage, stride: Int, to source: Graph.Value, in network: inout NetworkDefinition
  ) -> Graph.Value {
    var value = source
    if stage.expand != 1 {
      value = network.convolution(
        "\(name)._expand_conv", "\(name)._bn0", of: value, width: source.channels * stage.expand,
        window: Window(kernel: 1), activation: .relu6)
    }
    value = network.convolution(
      "\(name)._depthwise_conv", "\(name)._bn1", of: value, width: value.channels,
      window: Self.window(kernel: stage.kernel, stride: stride), depthwise: true, activation: .relu6)
    return network.convolution(
      "\(name)._project_conv", "\(name)._bn2", of: value, width: stage.width, window: Window(kernel: 1),
      adding: stride == 1 && source.channels == stage.width ? source : nil)
  }

  /// The checkpoints come from TensorFlow: what its `SAME` pads to an even image, the odd pixel behind.
  private static func window(kernel: Int, stride: Int) -> Window {
    let total = max(kernel - stride, 0)
    return Window(kernel: kernel, stride: stride, padding: Padding(before: total / 2, after: total - total / 2))
  }
}
