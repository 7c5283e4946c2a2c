import COneDNN

/// Compiled operations and feature maps for batches of one shape. Feature maps and their gradients are of one type, fp32 or
/// bf16; parameters, their gradients and BatchNorm's statistics are fp32.
final class TrainingPlan {
  /// A node's operations.
  private enum Step {
    case input
    case convolution(ConvolutionStep)
    case maxPooling(PoolingTraining, source: Int, workspace: AlignedBuffer)
  }

  private struct ConvolutionStep {
    var index: Int
    var source: Int
    var residual: Int?
    var convolution: ConvolutionTraining
    var normalization: NormalizationTraining
    var activation: ActivationTraining?
    /// What BatchNorm reads.
    var product: AlignedBuffer
    /// Of the batch, per channel.
    var mean: AlignedBuffer
    var variance: AlignedBuffer
  }

  private let shape: TrainingShape
  private let type: DataType
  private let extents: [Extent]
  private let layouts: [TensorLayout]
  private let steps: [Step]
  private let values: [AlignedBuffer]
  private let sums: [Primitive?]
  /// In whatever order an operation wants them.
  private let weights: AlignedBuffer
  private let scratchpad: AlignedBuffer
  /// Gradients of values, while they are needed, and memory for the next ones.
  private var gradients: [AlignedBuffer?]
  private var spare: [AlignedBuffer] = []

  init(
    _ graph: Graph, _ shape: TrainingShape, _ type: DataType, epsilon: Double, engine: Engine
  ) throws(NetworkError) {
    (self.shape, self.type) = (shape, type)
    let extents = graph.extents(height: shape.height, width: shape.width)
    guard extents.allSatisfy({ $0.height > 0 && $0.width > 0 }) else {
      throw NetworkError(.imageTooSmall, "crops of \(shape.width)×\(shape.height) pixels vanish in the network")
    }
    var layouts: [TensorLayout] = []
    var values: [AlignedBuffer] = []
    for (value, extent) in zip(graph.values, extents) {
      let layout = try TensorLayout.channelsLast([shape.batch, value.channels, extent.height, extent.width], type)
      layouts.append(layout)
      values.append(try AlignedBuffer(size: layout.size))
    }
    var steps: [Step] = []
    var primitives: [Primitive] = []
    var sums = [Primitive?](repeating: nil, count: values.count)
    var weightSize = 0
    for (node, destination) in zip(graph.nodes, layouts) {
      switch node {
      case .input: steps.append(.input)
      case .conversion: preconditionFailure("a network that is trained has one type of feature maps")
      case .maxPooling(let window, let source):
        let pooling = try PoolingTraining(window, from: layouts[source.index], to: destination, engine: engine)
        primitives += [pooling.forward, pooling.backward]
        steps.append(
          .maxPooling(pooling, source: source.index, workspace: try AlignedBuffer(size: pooling.workspace.size)))
      case .convolution(let index, let convolution, let source, let residual):
        let channels = convolution.outputChannels * MemoryLayout<Float>.stride
        let highest: Float? = convolution.activation == .relu6 ? 6 : nil
        let step = ConvolutionStep(
          index: index, source: source.index, residual: residual?.index,
          convolution: try ConvolutionTraining(
            convolution, from: layouts[source.index], to: destination, type, engine: engine),
          normalization: try NormalizationTraining(
            destination, epsilon: epsilon, usesRunning: !shape.usesBatchStatistics, engine: engine),
          activation: convolution.activation == .none
            ? nil : try ActivationTraining(destination, highest: highest, engine: engine),
          product: try AlignedBuffer(size: destination.size), mean: try AlignedBuffer(size: channels),
          variance: try AlignedBuffer(size: channels))
        primitives += step.convolution.primitives + [step.normalization.forward, step.normalization.backward]
        primitives += [step.activation?.forward, step.activation?.backward].compactMap { $0 }
        weightSize = max(weightSize, step.convolution.weightSize)
        steps.append(.convolution(step))
      }
    }
    for index in values.indices { sums[index] = try Primitive(adding: layouts[index], engine: engine) }
    primitives += sums.compactMap { $0 }
    (self.extents, self.layouts, self.values, self.steps, self.sums) = (extents, layouts, values, steps, sums)
    weights = try AlignedBuffer(size: weightSize)
    scratchpad = try AlignedBuffer(size: primitives.map(\.scratchpad.size).max() ?? 0)
    gradients = Array(repeating: nil, count: values.count)
  }

  func forward(
    _ images: [Float], _ layers: [TrainableConvolution], _ engine: Engine
  ) throws(NetworkError) -> [Float] {
    type.store(images, at: values[0].address)
    for (node, step) in steps.enumerated() {
      switch step {
      case .input: break
      case .maxPooling(let pooling, let source, let workspace):
        try run(
          pooling.forward,
          [
            (DNNL_ARG_SRC, layouts[source], values[source]), (DNNL_ARG_DST, layouts[node], values[node]),
            (DNNL_ARG_WORKSPACE, pooling.workspace, workspace),
          ], engine)
      case .convolution(let step): try forward(step, node, layers[step.index], engine)
      }
    }
    return means()
  }

  private func forward(
    _ step: ConvolutionStep, _ node: Int, _ layer: TrainableConvolution, _ engine: Engine
  ) throws(NetworkError) {
    let layout = layouts[node]
    let own = try ordered(layer.weights.values, layer, step.convolution.forwardWeights, engine)
    try run(
      step.convolution.forward,
      [
        (DNNL_ARG_SRC, layouts[step.source], values[step.source]),
        (DNNL_ARG_WEIGHTS, step.convolution.forward.weights, own), (DNNL_ARG_DST, layout, step.product),
      ], engine)
    let channels = try TensorLayout.plain([layer.convolution.outputChannels])
    let (mean, variance) =
      shape.usesBatchStatistics ? (step.mean, step.variance) : (layer.mean, layer.variance)
    try run(
      step.normalization.forward,
      [
        (DNNL_ARG_SRC, layout, step.product), (DNNL_ARG_DST, layout, values[node]), (DNNL_ARG_MEAN, channels, mean),
        (DNNL_ARG_VARIANCE, channels, variance), (DNNL_ARG_SCALE_SHIFT, try scaleShift(layer), layer.scaleShift.values),
      ], engine)
    if shape.usesBatchStatistics {
      let count = shape.batch * extents[node].height * extents[node].width
      layer.follow(mean: step.mean, variance: step.variance, count: count)
    }
    if let residual = step.residual { try add(values[residual], to: values[node], node, engine) }
    if let activation = step.activation {
      try run(
        activation.forward, [(DNNL_ARG_SRC, layout, values[node]), (DNNL_ARG_DST, layout, values[node])], engine)
    }
  }

  func backward(
    _ gradient: [Float], _ layers: [TrainableConvolution], _ engine: Engine
  ) throws(NetworkError) {
    for index in gradients.indices { release(index) }
    try spread(gradient)
    for (node, step) in steps.enumerated().reversed() {
      guard let own = gradients[node] else { continue }
      switch step {
      case .input: break
      case .maxPooling(let pooling, let source, let workspace):
        try accumulate(source, engine) { (target) throws(NetworkError) in
          try run(
            pooling.backward,
            [
              (DNNL_ARG_DIFF_DST, layouts[node], own), (DNNL_ARG_DIFF_SRC, layouts[source], target),
              (DNNL_ARG_WORKSPACE, pooling.workspace, workspace),
            ], engine)
        }
      case .convolution(let step): try backward(step, node, own, layers[step.index], engine)
      }
      release(node)
    }
  }

  /// - Parameter own: the gradient of the node's value; used up.
  private func backward(
    _ step: ConvolutionStep, _ node: Int, _ own: AlignedBuffer, _ layer: TrainableConvolution, _ engine: Engine
  ) throws(NetworkError) {
    let layout = layouts[node]
    if let activation = step.activation {
      try run(
        activation.backward,
        [
          (DNNL_ARG_DST, layout, values[node]), (DNNL_ARG_DIFF_DST, layout, own), (DNNL_ARG_DIFF_SRC, layout, own),
        ], engine)
    }
    if let residual = step.residual {
      try accumulate(residual, engine) { (target) throws(NetworkError) in
        target.address.copyMemory(from: own.address, byteCount: layout.size)
      }
    }
    let channels = try TensorLayout.plain([layer.convolution.outputChannels])
    let (mean, variance) =
      shape.usesBatchStatistics ? (step.mean, step.variance) : (layer.mean, layer.variance)
    try run(
      step.normalization.backward,
      [
        (DNNL_ARG_SRC, layout, step.product), (DNNL_ARG_MEAN, channels, mean), (DNNL_ARG_VARIANCE, channels, variance),
        (DNNL_ARG_SCALE_SHIFT, try scaleShift(layer), layer.scaleShift.values), (DNNL_ARG_DIFF_DST, layout, own),
        (DNNL_ARG_DIFF_SRC, layout, own),
        (DNNL_ARG_DIFF_SCALE_SHIFT, try scaleShift(layer), layer.scaleShift.gradient),
      ], engine)

    let convolution = step.convolution
    let target = convolution.weightGradient == nil ? layer.weights.gradient : weights
    let gradientLayout = convolution.backwardWeights.layout(dnnl_query_diff_weights_md)
    try run(
      convolution.backwardWeights,
      [
        (DNNL_ARG_SRC, layouts[step.source], values[step.source]), (DNNL_ARG_DIFF_DST, layout, own),
        (DNNL_ARG_DIFF_WEIGHTS, gradientLayout, target),
      ], engine)
    if let reorder = convolution.weightGradient {
      let plain = try TensorLayout.plain(layer.convolution.groupedWeightShape)
      try run(
        reorder, [(DNNL_ARG_FROM, gradientLayout, weights), (DNNL_ARG_TO, plain, layer.weights.gradient)], engine)
    }
    // Nobody asks for the image's.
    guard step.source != 0 else { return }
    let ordered = try ordered(layer.weights.values, layer, convolution.backwardDataWeights, engine)
    try accumulate(step.source, engine) { (target) throws(NetworkError) in
      try run(
        convolution.backwardData,
        [
          (DNNL_ARG_DIFF_DST, layout, own), (DNNL_ARG_WEIGHTS, convolution.backwardData.weights, ordered),
          (DNNL_ARG_DIFF_SRC, layouts[step.source], target),
        ], engine)
    }
  }

  /// The weights as an operation wants them.
  private func ordered(
    _ plain: AlignedBuffer, _ layer: TrainableConvolution, _ reorder: Primitive?, _ engine: Engine
  ) throws(NetworkError) -> AlignedBuffer {
    guard let reorder else { return plain }
    let target = reorder.destination
    try run(
      reorder,
      [
        (DNNL_ARG_FROM, try .plain(layer.convolution.groupedWeightShape), plain), (DNNL_ARG_TO, target, weights),
      ], engine)
    return weights
  }

  private func scaleShift(_ layer: TrainableConvolution) throws(NetworkError) -> TensorLayout {
    try TensorLayout(shape: [2, layer.convolution.outputChannels], .fp32, order: dnnl_ab)
  }

  /// Means over the positions of the last feature map.
  private func means() -> [Float] {
    let (extent, output) = (extents[extents.count - 1], values[values.count - 1].address)
    let (positions, channels) = (extent.height * extent.width, layouts[layouts.count - 1].channels)
    var means = [Float](repeating: 0, count: shape.batch * channels)
    var sums = [Double](repeating: 0, count: channels)
    for image in 0..<shape.batch {
      for channel in 0..<channels { sums[channel] = 0 }
      for position in 0..<positions {
        let row = (image * positions + position) * channels
        for channel in 0..<channels { sums[channel] += Double(type.value(row + channel, of: output)) }
      }
      for channel in 0..<channels { means[image * channels + channel] = Float(sums[channel] / Double(positions)) }
    }
    return means
  }

  /// The gradient of the last feature map, from that of its means.
  private func spread(_ gradient: [Float]) throws(NetworkError) {
    let last = values.count - 1
    let (positions, channels) = (extents[last].height * extents[last].width, layouts[last].channels)
    precondition(gradient.count == shape.batch * channels)
    let buffer = try take(last)
    gradients[last] = buffer
    for image in 0..<shape.batch {
      let means = gradient[image * channels..<(image + 1) * channels].map { $0 / Float(positions) }
      for position in 0..<positions {
        let row = (image * positions + position) * channels
        type.store(means, at: buffer.address + row * type.size)
      }
    }
  }

  /// Adds to a value's gradient what `make` writes; the first time there is nothing to add it to.
  private func accumulate(
    _ value: Int, _ engine: Engine, _ make: (AlignedBuffer) throws(NetworkError) -> Void
  ) throws(NetworkError) {
    let buffer = try take(value)
    try make(buffer)
    if let present = gradients[value] {
      try add(buffer, to: present, value, engine)
      spare.append(buffer)
    } else {
      gradients[value] = buffer
    }
  }

  private func add(
    _ addend: AlignedBuffer, to target: AlignedBuffer, _ value: Int, _ engine: Engine
  ) throws(NetworkError) {
    guard let sum = sums[value] else { return }
    let layout = layouts[value]
    try run(
      sum, [(DNNL_ARG_SRC_0, layout, target), (DNNL_ARG_SRC_1, layout, addend), (DNNL_ARG_DST, layout, target)], engine)
  }

  /// Memory for a value's gradient.
  private func take(_ value: Int) throws(NetworkError) -> AlignedBuffer {
    let size = layouts[value].size
    if let index = spare.firstIndex(where: { $0.size >= size && $0.size <= 2 * size }) {
      return spare.remove(at: index)
    }
    return try AlignedBuffer(size: size)
  }

  private func release(_ value: Int) {
    if let buffer = gradients[value] { spare.append(buffer) }
    gradients[value] = nil
  }

  private func run(
    _ primitive: Primitive, _ arguments: [(argument: Int32, layout: TensorLayout, buffer: AlignedBuffer)],
    _ engine: Engine
  ) throws(NetworkError) {
    var memories: [(argument: Int32, memory: TensorMemory)] = []
    for (argument, layout, buffer) in arguments {
      memories.append((argument, try TensorMemory(layout, at: buffer.address, engine: engine)))
    }
    memories.append(
      (DNNL_ARG_SCRATCHPAD, try TensorMemory(primitive.scratchpad, at: scratchpad.address, engine: engine)))
    try primitive.execute(memories, on: engine)
  }
}

extension TensorLayout {
  /// Of (N, C, H, W).
  fileprivate var channels: Int { Int(descriptor.dims.1) }
}

extension DataType {
  /// Writes numbers of this type, fp32 or bf16.
  fileprivate func store(_ values: [Float], at address: UnsafeMutableRawPointer) {
    switch self {
    case .bf16:
      let target = address.assumingMemoryBound(to: UInt16.self)
      for (index, value) in values.enumerated() { target[index] = BFloat16.rounding(value) }
    default:
      values.withUnsafeBytes {
        address.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(address), byteCount: $0.count)
      }
    }
  }

  /// One of them.
  fileprivate func value(_ index: Int, of address: UnsafeMutableRawPointer) -> Float {
    switch self {
    case .bf16: Float(bitPattern: UInt32(address.assumingMemoryBound(to: UInt16.self)[index]) << 16)
    default: address.assumingMemoryBound(to: Float.self)[index]
    }
  }
}
