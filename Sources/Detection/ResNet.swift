import NeuralNetwork

/// The ResNet family (He et al. 2016) with any stem, widths, depths and strides; torchvision's tensor names. The stride
/// of a bottleneck is carried by its 3×3 convolution.
package struct ResNet: Hashable, Sendable, Codable {
  package enum Block: String, Hashable, Sendable, Codable {
    /// 3×3, 3×3
    case basic
    /// 1×1, 3×3, 1×1 with four times the width
    case bottleneck

    var expansion: Int { self == .basic ? 1 : 4 }
  }

  package struct Pool: Hashable, Sendable, Codable {
    package var kernel: Int
    package var stride: Int
    package var padding: Int

    package init(kernel: Int, stride: Int, padding: Int) {
      self.kernel = kernel
      self.stride = stride
      self.padding = padding
    }
  }

  package struct Stem: Hashable, Sendable, Codable {
    package var kernel: Int
    package var stride: Int
    package var padding: Int
    /// Max pooling behind the first convolution; nil: none.
    package var pool: Pool?

    package init(kernel: Int, stride: Int, padding: Int, pool: Pool?) {
      self.kernel = kernel
      self.stride = stride
      self.padding = padding
      self.pool = pool
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(kernel, forKey: .kernel)
      try container.encode(stride, forKey: .stride)
      try container.encode(padding, forKey: .padding)
      // An explicit null: the format has the key always.
      try container.encode(pool, forKey: .pool)
    }
  }

  package var block: Block
  package var stem: Stem
  /// Of each stage, before a bottleneck's expansion; the stem has the first stage's.
  package var widths: [Int]
  /// Blocks of each stage.
  package var depths: [Int]
  /// Of each stage's first block.
  package var strides: [Int]

  package init(block: Block, stem: Stem, widths: [Int], depths: [Int], strides: [Int]) {
    self.block = block
    self.stem = stem
    self.widths = widths
    self.depths = depths
    self.strides = strides
  }

  /// ResNet-50 without the stem's downsampling (Corvi et al. 2023; Stay-Positive's backbone).
  package static let resnet50NoDown = ResNet(
    block: .bottleneck,
    stem: Stem(kernel: 7, stride: 1, padding: 3, pool: Pool(kernel: 3, stride: 1, padding: 1)),
    widths: [64, 128, 256, 512], depths: [3, 4, 6, 3], strides: [1, 2, 2, 2])

  var problem: String? {
    typealias Limits = ArchitectureLimits
    guard Limits.stages.contains(widths.count), depths.count == widths.count, strides.count == widths.count else {
      return "widths, depths and strides need one value for each stage"
    }
    guard widths.allSatisfy(Limits.width.contains), depths.allSatisfy(Limits.blocks.contains),
      strides.allSatisfy(Limits.stride.contains), Limits.blocks.contains(depths.reduce(0, +))
    else { return "a width, depth or stride is out of range" }
    guard Limits.kernel.contains(stem.kernel), Limits.stride.contains(stem.stride),
      Limits.padding.contains(stem.padding), stem.kernel <= 2 * stem.padding + 1, stem.padding < stem.kernel
    else { return "the stem's kernel, stride or padding is out of range (images of one pixel have to fit)" }
    if let pool = stem.pool {
      guard Limits.kernel.contains(pool.kernel), Limits.stride.contains(pool.stride),
        Limits.padding.contains(pool.padding), pool.kernel <= 2 * pool.padding + 1, pool.padding < pool.kernel
      else { return "the pooling's kernel, stride or padding is out of range" }
    }
    return nil
  }

  var definition: NetworkDefinition {
    var network = NetworkDefinition(epsilon: 1e-5)
    let window = Window(kernel: stem.kernel, stride: stem.stride, padding: Padding(stem.padding))
    var value = network.convolution(
      "conv1", "bn1", of: network.graph.input, width: widths[0], window: window, activation: .relu)
    if let pool = stem.pool {
      value = network.graph.maxPooling(
        Window(kernel: pool.kernel, stride: pool.stride, padding: Padding(pool.padding)), of: value)
    }
    for stage in widths.indices {
      for index in 0..<depths[stage] {
        value = append(
          "layer\(stage + 1).\(index)", width: widths[stage], stride: index == 0 ? strides[stage] : 1, to: value,
          in: &network)
      }
    }
    return network
  }

  private func append(
    _ name: String, width: Int, stride: Int, to source: Graph.Value, in network: inout NetworkDefinition
  ) -> Graph.Value {
    let outputWidth = width * block.expansion
    let pointwise = Window(kernel: 1)
    func square(_ stride: Int) -> Window { Window(kernel: 3, stride: stride, padding: Padding(1)) }
    let inner: Graph.Value
    let last: (name: String, window: Window)
    switch block {
    case .basic:
      inner = network.convolution(
        "\(name).conv1", "\(name).bn1", of: source, width: width, window: square(stride), activation: .relu)
      last = ("2", square(1))
    case .bottleneck:
      let reduced = network.convolution(
        "\(name).conv1", "\(name).bn1", of: source, width: width, window: pointwise, activation: .relu)
      inner = network.convolution(
        "\(name).conv2", "\(name).bn2", of: reduced, width: width, window: square(stride), activation: .relu)
      last = ("3", pointwise)
    }
    // As late as possible: the wide tensors then live side by side for one step only.
    var shortcut = source
    if stride != 1 || source.channels != outputWidth {
      shortcut = network.convolution(
        "\(name).downsample.0", "\(name).downsample.1", of: source, width: outputWidth,
        window: Window(kernel: 1, stride: stride))
    }
    return network.convolution(
      "\(name).conv\(last.name)", "\(name).bn\(last.name)", of: inner, width: outputWidth, window: last.window,
      activation: .relu, adding: shortcut)
  }
}
