import COneDNN

/// A convolutional network with its weights, run over whole images in fp32.
///
/// Confined: one caller at a time, which may change threads between calls.
package final class Network {
  /// Plans for the sizes used last are kept; compiling one costs some ten milliseconds.
  private static let planCount = 8
  /// Bytes of working memory that are kept between images.
  private static let keptArena = 64 << 20

  package let graph: Graph
  /// Threads of one image.
  package let threads: Int
  private let engine: Engine
  private let layers: [Layer]
  /// Used last comes last.
  private var plans: [Plan] = []
  private var arena: AlignedBuffer?

  /// - Parameters:
  ///   - threads: nil: one per processor.
  ///   - parameters: called once for each of the graph's convolutions, in order.
  package init<Failure: Error>(
    _ graph: Graph, threads: Int? = nil, parameters: (Int) throws(Failure) -> ConvolutionParameters
  ) throws {
    self.graph = graph
    self.threads = max(1, threads ?? Int(omp_get_num_procs()))
    let engine = try Engine()
    self.engine = engine
    var layers: [Layer] = []
    for (index, convolution) in graph.convolutions.enumerated() {
      layers.append(try Layer(convolution, parameters(index), engine: engine))
    }
    self.layers = layers
  }

  /// Bytes of working memory, besides weights, for an image of this size.
  package func workingMemory(width: Int, height: Int) throws(NetworkError) -> Int {
    try withThreads { () throws(NetworkError) in try plan(width: width, height: height).size }
  }

  /// The whole image through the network.
  /// - Parameters:
  ///   - pixels: 8-bit RGB, interleaved, rows without gaps: 3 · width · height bytes.
  ///   - weights: one per output channel, for ``Features/projection``.
  ///   - memoryLimit: bytes of working memory; checked before it is allocated.
  package func features(
    of pixels: [UInt8], width: Int, height: Int, normalization: PixelNormalization,
    projectedOn weights: [Double]? = nil, memoryLimit: Int? = nil
  ) throws(NetworkError) -> Features {
    precondition(graph.input.channels == 3 && pixels.count == 3 * width * height)
    return try withThreads { () throws(NetworkError) in
      let plan = try plan(width: width, height: height)
      if let memoryLimit, plan.size > memoryLimit {
        throw NetworkError(
          .outOfMemory,
          "an image of \(width)×\(height) pixels needs \(plan.size >> 20) MiB of working memory, the limit is "
            + "\(memoryLimit >> 20) MiB")
      }
      let arena = try arena(size: plan.size)
      try plan.place(in: arena)
      pixels.withUnsafeBufferPointer { normalization.apply(to: $0, into: plan.input(in: arena)) }
      try plan.run(on: engine)
      var sums = FeatureSums(channels: graph.output.channels, projectedOn: weights)
      sums.add(plan.output(in: arena), positions: plan.outputHeight * plan.outputWidth)
      if arena.size > Self.keptArena { self.arena = nil }
      return sums.features(height: plan.outputHeight, width: plan.outputWidth)
    }
  }

  private func plan(width: Int, height: Int) throws(NetworkError) -> Plan {
    let plan: Plan
    if let index = plans.firstIndex(where: { $0.inputHeight == height && $0.inputWidth == width }) {
      plan = plans.remove(at: index)
    } else {
      plan = try Plan(graph, layers: layers, height: height, width: width, engine: engine)
      if plans.count == Self.planCount { plans.removeFirst() }
    }
    plans.append(plan)
    return plan
  }

  private func arena(size: Int) throws(NetworkError) -> AlignedBuffer {
    if let arena, arena.size >= size { return arena }
    arena = nil
    let new = try AlignedBuffer(size: size)
    arena = new
    return new
  }

  /// oneDNN compiles for, and runs with, the calling thread's OpenMP setting.
  private func withThreads<Result>(
    _ body: () throws(NetworkError) -> Result
  ) throws(NetworkError) -> Result {
    let before = omp_get_max_threads()
    omp_set_num_threads(Int32(threads))
    defer { omp_set_num_threads(before) }
    return try body()
  }
}
