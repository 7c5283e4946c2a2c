/// How much there is to do for an image, and how fast it could be done.
extension Network {
  /// Multiplications and additions of all convolutions, by their definition: what Winograd's algorithm saves counts too.
  package func operationCount(width: Int, height: Int) -> Double {
    let extents = graph.extents(height: height, width: width)
    return zip(graph.nodes, extents).reduce(0) { sum, value in
      guard case .convolution(_, let convolution, _, _) = value.0 else { return sum }
      return sum + 2 * Double(convolution.weightCount) * Double(value.1.height * value.1.width)
    }
  }

  /// Operations per second of the fastest of the layers, each called alone and over and over on a band of such an image:
  /// what this processor attains in the network's arithmetic. Layers with other arithmetic, or less of it, do not count.
  /// - Returns: 0 if none is left.
  package func attainableRate(width: Int, height: Int) throws(NetworkError) -> Double {
    let plan = try plan(width: width, height: height)
    var shapes: [BandShape: Int] = [:]
    for (node, limit) in plan.limits.enumerated() where flow.encodings[node].type != .fp32 || arithmetic == .fp32 {
      let band = Band(node: node, rows: 0..<min(limit, plan.extents[node].height))
      if let shape = BandShape(band, of: graph, flow, widths: plan.widths, threads: threads) { shapes[shape] = node }
    }
    let operations = try operations(for: Set(shapes.keys))
    return try withThreads(threads) { () throws(NetworkError) in
      var fastest = 0.0
      for (shape, operation) in operations {
        guard !(operation is WinogradOperation), case .convolution(let convolution, _) = shape.operation,
          let node = shapes[shape]
        else { continue }
        let count = 2 * Double(convolution.weightCount) * Double(shape.destination[2] * shape.destination[3])
        fastest = max(fastest, count / (try secondsPerCall(operation, shape, parameters(of: node, for: operation))))
      }
      return fastest
    }
  }

  /// The shortest mean of some rounds.
  private func secondsPerCall(
    _ operation: any BandOperation, _ shape: BandShape, _ parameters: (weights: TensorMemory, bias: TensorMemory)?
  ) throws(NetworkError) -> Double {
    let source = try AlignedBuffer(size: shape.source.reduce(shape.sourceType.size, *))
    let destination = try AlignedBuffer(size: shape.destination.reduce(shape.destinationType.size, *))
    let scratchpad = try AlignedBuffer(size: operation.scratchpadSize)
    let clock = ContinuousClock()
    var shortest = Duration.seconds(1_000)
    for _ in 0..<4 {
      let start = clock.now
      var calls = 0
      while clock.now - start < .milliseconds(25) {
        try operation.run(
          from: source.address, to: destination.address, parameters: parameters, scratchpad: scratchpad.address,
          on: engine)
        calls += 1
      }
      shortest = min(shortest, (clock.now - start) / calls)
    }
    return shortest / .seconds(1)
  }
}
