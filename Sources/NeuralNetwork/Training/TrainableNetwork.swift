import COneDNN

/// A network whose parameters can be trained: batches of equally large crops, whole tensors. Parameters, their gradients and
/// BatchNorm's statistics are fp32 whatever the feature maps are.
///
/// Confined, as ``Network`` is.
package final class TrainableNetwork {
  let graph: Graph
  /// BatchNorm's ε.
  let epsilon: Double
  let engine: Engine
  let layers: [TrainableConvolution]
  private let threads: Int
  private let type: DataType
  /// For the shapes used last.
  private var plans: [TrainingShape: TrainingPlan] = [:]
  /// The one that ran forward last.
  private var current: TrainingPlan?

  /// - Parameters:
  ///   - states: one for each of the graph's convolutions, in order.
  ///   - type: of feature maps and of their gradients: fp32, or bf16 with half the memory.
  ///   - threads: nil: one per processor.
  package init(
    _ graph: Graph, states: [ConvolutionState], epsilon: Double, type: DataType = .fp32, threads: Int? = nil
  ) throws(NetworkError) {
    precondition(!type.isInteger)
    if type == .bf16 { try Arithmetic.bf16.requireSupport() }
    guard states.count == graph.convolutions.count else {
      throw NetworkError(.badParameters, "\(graph.convolutions.count) convolutions got \(states.count) states")
    }
    (self.graph, self.epsilon, self.type) = (graph, epsilon, type)
    self.threads = max(1, threads ?? Int(omp_get_num_procs()))
    engine = try Engine()
    var layers: [TrainableConvolution] = []
    for (convolution, state) in zip(graph.convolutions, states) {
      layers.append(try TrainableConvolution(convolution, state))
    }
    self.layers = layers
  }

  /// Channels of the last feature map.
  package var featureCount: Int { graph.output.channels }

  /// About how many bytes a step on a batch takes: feature maps and what BatchNorm reads, gradients of as many of them as
  /// are needed at a time, and parameters with their gradients and Adam's means.
  /// - Parameter backward: false: steps that go forward alone, and need none of the feature maps' gradients.
  package func memory(batch: Int, height: Int, width: Int, backward: Bool = true) -> Int {
    let extents = graph.extents(height: height, width: width)
    let sizes = zip(graph.values, extents).map { $0.channels * $1.height * $1.width }
    var numbers = sizes.reduce(0, +)
    for (node, size) in zip(graph.nodes, sizes) { if case .convolution = node { numbers += size } }
    // Of a residual's two ways and of what comes before; nobody asks for the image's.
    if backward { numbers += 3 * (sizes.dropFirst().max() ?? 0) }
    return batch * numbers * type.size + layers.reduce(0) { $0 + 16 * $1.weights.count }
  }

  /// Runs a batch through the network.
  /// - Parameters:
  ///   - images: (N, H, W, C), normalized.
  ///   - usesBatchStatistics: BatchNorm takes the batch's statistics, and the running ones follow; else it takes those.
  /// - Returns: the means of the last feature map (N, channels).
  package func forward(
    _ images: [Float], height: Int, width: Int, usesBatchStatistics: Bool
  ) throws(NetworkError) -> [Float] {
    let batch = images.count / (height * width * graph.input.channels)
    precondition(batch > 0 && images.count == batch * height * width * graph.input.channels)
    let shape = TrainingShape(batch: batch, height: height, width: width, usesBatchStatistics: usesBatchStatistics)
    return try withThreads { () throws(NetworkError) in
      let plan = try plan(shape)
      current = plan
      return try plan.forward(images, layers, engine)
    }
  }

  /// The gradient of all parameters for the batch that went forward last; what was there before is replaced.
  /// - Parameter gradient: of a loss by the means that `forward` returned.
  package func backward(_ gradient: [Float]) throws(NetworkError) {
    guard let current else { preconditionFailure("backward before forward") }
    try withThreads { () throws(NetworkError) in try current.backward(gradient, layers, engine) }
  }

  /// A step of Adam's with the last gradient.
  /// - Parameter step: from 1 on.
  package func update(
    rate: Double, step: Int, momentum: (first: Double, second: Double) = (0.9, 0.999), epsilon: Double = 1e-8
  ) {
    for layer in layers {
      layer.weights.update(rate: rate, step: step, momentum: momentum, epsilon: epsilon)
      layer.scaleShift.update(rate: rate, step: step, momentum: momentum, epsilon: epsilon)
    }
  }

  /// Of each convolution, in order; of the same shapes when they are set.
  package var states: [ConvolutionState] {
    get { layers.map(\.state) }
    set { for (layer, state) in zip(layers, newValue) { layer.state = state } }
  }

  package var gradients: [ConvolutionGradient] { layers.map { $0.gradient(\.gradient) } }

  /// Adam's running means, to go on later where the training was.
  package var moments: [(first: ConvolutionGradient, second: ConvolutionGradient)] {
    get { layers.map { ($0.gradient(\.first), $0.gradient(\.second)) } }
    set { for (layer, moments) in zip(layers, newValue) { layer.restore(moments) } }
  }

  private func plan(_ shape: TrainingShape) throws(NetworkError) -> TrainingPlan {
    if let plan = plans[shape] { return plan }
    // Feature maps of one shape may take gigabytes.
    plans.removeAll()
    current = nil
    let plan = try TrainingPlan(graph, shape, type, epsilon: epsilon, engine: engine)
    plans[shape] = plan
    return plan
  }

  private func withThreads<Result>(_ body: () throws(NetworkError) -> Result) throws(NetworkError) -> Result {
    let before = omp_get_max_threads()
    omp_set_num_threads(Int32(threads))
    defer { omp_set_num_threads(before) }
    return try body()
  }
}

/// What a plan is made for.
struct TrainingShape: Hashable {
  var batch: Int
  var height: Int
  var width: Int
  var usesBatchStatistics: Bool
}
