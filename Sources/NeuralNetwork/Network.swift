import COneDNN

/// A convolutional network with its weights, run over rows of images from top to bottom.
///
/// Confined: one caller at a time, which may change threads between calls.
package final class Network {
  /// Plans for the sizes used last are kept.
  private static let planCount = 8
  /// Bytes of compiled operations that are kept for the next sizes.
  private static let operationsSize = 48 << 20
  /// Bytes of working memory that are kept between images.
  private static let keptMemory = 64 << 20

  /// As it is executed: with 8-bit integers, there are conversions in it.
  let graph: Graph
  package let arithmetic: Arithmetic
  /// Threads of every image that begins from now on; at least 1. What was compiled for another number stays for a while.
  package var threads: Int {
    didSet { precondition(threads > 0) }
  }
  let flow: RowFlow
  let engine: Engine
  private let layers: [Layer]
  /// Of each convolution; nil for those that are not 8-bit.
  private let rescalings: [Rescaling?]
  private let bands: BandHeights
  /// Used last comes last.
  private var plans: [StreamingPlan] = []
  private(set) var cache = OperationCache(capacity: operationsSize)
  private var memory: AlignedBuffer?

  /// - Parameters:
  ///   - arithmetic: but with fp32, the graph has to end in a convolution.
  ///   - threads: nil: one per processor.
  ///   - streaming: row by row; else every layer all at once, for comparison.
  ///   - parameters: called once for each of the graph's convolutions, in order.
  package convenience init<Failure: Error>(
    _ graph: Graph, _ arithmetic: Arithmetic = .fp32, threads: Int? = nil, streaming: Bool = true,
    parameters: (Int) throws(Failure) -> ConvolutionParameters
  ) throws {
    try self.init(graph, arithmetic, threads: threads, bands: streaming ? .standard : .whole, parameters: parameters)
  }

  init<Failure: Error>(
    _ graph: Graph, _ arithmetic: Arithmetic = .fp32, threads: Int?, bands: BandHeights,
    parameters: (Int) throws(Failure) -> ConvolutionParameters
  ) throws {
    try arithmetic.requireSupport()
    if arithmetic != .fp32, case .maxPooling = graph.nodes[graph.output.index] {
      preconditionFailure("a pooling cannot give fp32 in \(arithmetic)")
    }
    let encoded = EncodedGraph(graph, arithmetic)
    self.graph = encoded.graph
    self.arithmetic = arithmetic
    self.threads = max(1, threads ?? Int(omp_get_num_procs()))
    self.bands = bands
    flow = RowFlow(encoded)
    let engine = try Engine()
    self.engine = engine
    var layers: [Layer] = []
    var rescalings: [Rescaling?] = []
    for (node, destination) in zip(encoded.graph.nodes, encoded.encodings) {
      guard case .convolution(let index, let convolution, let source, let residual) = node else { continue }
      let input = encoded.encodings[source.index]
      let layer = try Layer(convolution, parameters(index), source: input, engine: engine)
      layers.append(layer)
      rescalings.append(
        layer.weightSteps.map { steps in
          Rescaling(
            weightSteps: steps, source: input, residual: residual.map { encoded.encodings[$0.index] },
            destination: destination)
        })
    }
    (self.layers, self.rescalings) = (layers, rescalings)
  }

  /// Bytes of weights, as operations want them.
  package var weightsSize: Int { layers.reduce(0) { $0 + $1.size } }

  /// Bytes of working memory for an image of this size, besides weights: rows, scratchpad, and what is compiled.
  /// - Parameter memoryLimit: bytes of weights and working memory; checked before anything is compiled.
  package func workingMemory(width: Int, height: Int, memoryLimit: Int? = nil) throws(NetworkError) -> Int {
    let plan = try plan(width: width, height: height, memoryLimit: memoryLimit)
    return plan.size + plan.compiledSize
  }

  /// Begins with an image.
  /// - Parameters:
  ///   - weights: one per output channel, for ``Features/projection``.
  ///   - statistics: gets the values of all convolutions; fp32 only.
  ///   - memoryLimit: bytes of weights and working memory; checked before either is taken.
  package func scan(
    width: Int, height: Int, normalization: PixelNormalization, projectedOn weights: [Double]? = nil,
    observing statistics: FeatureStatistics? = nil, memoryLimit: Int? = nil
  ) throws(NetworkError) -> FeatureScan {
    precondition(statistics == nil || arithmetic == .fp32)
    precondition(graph.input.channels == 3)
    let plan = try plan(width: width, height: height, memoryLimit: memoryLimit)
    return FeatureScan(
      self, plan, try operations(for: plan.shapes), memory: try takeMemory(size: plan.size),
      normalization: normalization, projectedOn: weights, observing: statistics)
  }

  /// An image that is in memory already.
  /// - Parameter pixels: 8-bit RGB, interleaved, rows without gaps: 3 · width · height bytes.
  package func features(
    of pixels: [UInt8], width: Int, height: Int, normalization: PixelNormalization,
    projectedOn weights: [Double]? = nil, memoryLimit: Int? = nil
  ) throws(NetworkError) -> Features {
    precondition(pixels.count == 3 * width * height)
    let scan = try scan(
      width: width, height: height, normalization: normalization, projectedOn: weights, memoryLimit: memoryLimit)
    try scan.append(pixels.span)
    return scan.finish()
  }

  /// Weights and bias as the operation wants them; nil for a pooling.
  func parameters(
    of node: Int, for operation: any BandOperation
  ) throws(NetworkError) -> (weights: TensorMemory, bias: TensorMemory)? {
    guard case .convolution(let index, _, _, _) = graph.nodes[node] else { return nil }
    return (try layers[index].weights(operation.weights, engine: engine), layers[index].bias)
  }

  func plan(width: Int, height: Int, memoryLimit: Int? = nil) throws(NetworkError) -> StreamingPlan {
    let extent = Extent(height: height, width: width)
    func requireRoom(for size: Int) throws(NetworkError) {
      let needed = weightsSize + size
      guard let memoryLimit, needed > memoryLimit else { return }
      throw NetworkError(
        .outOfMemory,
        "an image of \(width)×\(height) pixels needs \(needed >> 20) MiB with the network's weights, the limit is "
          + "\(memoryLimit >> 20) MiB")
    }
    let plan: StreamingPlan
    if let index = plans.firstIndex(where: { $0.extents[0] == extent && $0.threads == threads }) {
      plan = plans.remove(at: index)
    } else {
      plan = try StreamingPlan(graph, flow, height: height, width: width, bands: bands, threads: threads) {
        (shapes, size) throws(NetworkError) in
        try requireRoom(for: size)
        return try operations(for: shapes).values.map(\.scratchpadSize).max() ?? 0
      }
      if plans.count == Self.planCount { plans.removeFirst() }
    }
    plans.append(plan)
    try requireRoom(for: plan.size + plan.compiledSize)
    return plan
  }

  /// Compiles what is not there.
  func operations(for shapes: Set<BandShape>) throws(NetworkError) -> [BandShape: any BandOperation] {
    try withThreads(threads) { () throws(NetworkError) in
      try cache.operations(for: shapes) { (shape) throws(NetworkError) in
        try shape.operation(rescaling: shape.layer.flatMap { rescalings[$0] }, on: engine)
      }
    }
  }

  private func takeMemory(size: Int) throws(NetworkError) -> AlignedBuffer {
    let kept = memory
    memory = nil
    if let kept, kept.size >= size { return kept }
    return try AlignedBuffer(size: size)
  }

  /// Keeps a scan's memory for the next one.
  func giveBack(_ memory: AlignedBuffer) {
    if memory.size <= Self.keptMemory { self.memory = memory }
  }

  /// oneDNN compiles for, and runs with, the calling thread's OpenMP setting.
  func withThreads<Result>(
    _ threads: Int, _ body: () throws(NetworkError) -> Result
  ) throws(NetworkError) -> Result {
    let before = omp_get_max_threads()
    omp_set_num_threads(Int32(threads))
    defer { omp_set_num_threads(before) }
    return try body()
  }
}
