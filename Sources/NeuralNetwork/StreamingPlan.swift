/// How images of one size go through a network: bands, memory, and what has to be compiled.
final class StreamingPlan {
  let extents: [Extent]
  let threads: Int
  /// Columns of each value in memory, with those right of the image.
  let widths: [Int]
  let limits: [Int]
  /// Rows that each storage holds at most; 0 for a value that lies in another's.
  let capacities: [Int]
  /// Where each storage begins, in bytes.
  let offsets: [Int]
  /// Bytes of all storages and, behind them, of the operations' scratchpad.
  let size: Int
  /// Bytes of code and tables that are compiled for it, roughly.
  let compiledSize: Int
  /// Bytes of a row of each value.
  let rowSizes: [Int]
  let scratchpadOffset: Int
  let shapes: Set<BandShape>

  private static let alignment = 64

  /// - Parameter scratchpad: bytes that operations of these shapes need at most; gets the bytes of all else, before
  ///   anything is compiled.
  init(
    _ graph: Graph, _ flow: RowFlow, height: Int, width: Int, bands: BandHeights, threads: Int,
    scratchpad: (_ shapes: Set<BandShape>, _ size: Int) throws(NetworkError) -> Int
  ) throws(NetworkError) {
    let extents = graph.extents(height: height, width: width)
    guard extents.allSatisfy({ $0.height > 0 && $0.width > 0 }) else {
      throw NetworkError(.imageTooSmall, "an image of \(width)×\(height) pixels is too small for this network")
    }
    let padded = graph.extents(height: height, width: WidthClass.rounding(width))
    for (node, sources) in flow.sources.enumerated() where sources.count > 1 {
      precondition(padded[sources[1].value] == padded[node], "a residual of another size")
    }
    widths = padded.map(\.width)
    rowSizes = widths.indices.map { [widths] in
      widths[$0] * graph.values[$0].channels * flow.encodings[$0].type.size
    }
    limits = bands.rows(graph, padded, rowSizes)
    let demand = RowDemand(
      graph, flow, heights: extents.map(\.height), widths: widths, limits: limits, threads: threads)
    shapes = demand.shapes

    var offsets: [Int] = []
    var end = 0
    for (capacity, rowSize) in zip(demand.capacities, rowSizes) {
      offsets.append(end)
      let bytes = capacity * rowSize
      end += (bytes + Self.alignment - 1) / Self.alignment * Self.alignment
    }
    scratchpadOffset = end
    compiledSize = shapes.reduce(0) { $0 + $1.compiledSize }
    size = end + (try scratchpad(shapes, end + compiledSize))
    capacities = demand.capacities
    (self.extents, self.offsets, self.threads) = (extents, offsets, threads)
  }
}
