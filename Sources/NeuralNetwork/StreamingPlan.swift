/// How images of one size go through a network: bands, memory, compiled operations.
final class StreamingPlan {
  let extents: [Extent]
  let limits: [Int]
  /// Rows that each storage holds at most; 0 for a value that lies in another's.
  let capacities: [Int]
  /// Where each storage begins, in bytes.
  let offsets: [Int]
  /// Bytes of all storages and, behind them, of the operations' scratchpad.
  let size: Int
  /// Bytes of a row of each value.
  let rowSizes: [Int]
  let scratchpadOffset: Int
  let operations: [BandShape: BandOperation]

  private static let alignment = 64

  /// - Parameter compile: gives the operation for a shape.
  init(
    _ graph: Graph, _ flow: RowFlow, height: Int, width: Int, bands: BandHeights,
    compile: (BandShape) throws(NetworkError) -> BandOperation
  ) throws(NetworkError) {
    let extents = graph.extents(height: height, width: width)
    guard extents.allSatisfy({ $0.height > 0 && $0.width > 0 }) else {
      throw NetworkError(.imageTooSmall, "an image of \(width)×\(height) pixels is too small for this network")
    }
    limits = bands.rows(graph, extents)
    let demand = RowDemand(graph, flow, extents: extents, limits: limits)
    var operations: [BandShape: BandOperation] = [:]
    for shape in demand.shapes { operations[shape] = try compile(shape) }

    let rowSizes = extents.indices.map { extents[$0].width * graph.values[$0].channels * flow.encodings[$0].type.size }
    var offsets: [Int] = []
    var end = 0
    for (capacity, rowSize) in zip(demand.capacities, rowSizes) {
      offsets.append(end)
      let bytes = capacity * rowSize
      end += (bytes + Self.alignment - 1) / Self.alignment * Self.alignment
    }
    scratchpadOffset = end
    size = end + (operations.values.map(\.scratchpadSize).max() ?? 0)
    capacities = demand.capacities
    (self.extents, self.rowSizes, self.offsets, self.operations) = (extents, rowSizes, offsets, operations)
  }

  func operation(for band: Band, of graph: Graph, _ flow: RowFlow) -> BandOperation {
    guard let shape = BandShape(band, of: graph, flow, extents), let operation = operations[shape] else {
      preconditionFailure("a band that the plan does not know")
    }
    return operation
  }
}
