import Glibc

/// One image on its way through a network, row by row from top to bottom.
///
/// Memory grows with the width of the image only (``Features/projection`` excepted). Confined, as its network is.
package final class FeatureScan {
  private let network: Network
  private let plan: StreamingPlan
  private let operations: [BandShape: any BandOperation]
  private let normalization: PixelNormalization
  private var residual: NeighbourResidual?
  private let memory: AlignedBuffer
  private var schedule: BandSchedule
  /// One for each storage.
  private var windows: [RowWindow]
  private var sums: FeatureSums
  private let statistics: FeatureStatistics?
  /// Rows of the image that lie in the first window and that the schedule has not been told of yet.
  private var gathered = 0
  /// Rows that the schedule waits for.
  private var wanted: Int

  init(
    _ network: Network, _ plan: StreamingPlan, _ operations: [BandShape: any BandOperation], memory: AlignedBuffer,
    normalization: PixelNormalization, projectedOn weights: [Double]?, observing statistics: FeatureStatistics?
  ) {
    (self.network, self.plan, self.operations, self.memory) = (network, plan, operations, memory)
    self.statistics = statistics
    self.normalization = normalization
    residual = normalization.takesResidual ? NeighbourResidual(normalization) : nil
    let graph = network.graph
    schedule = BandSchedule(network.flow, heights: plan.extents.map(\.height), limits: plan.limits)
    wanted = schedule.wantedRows
    windows = plan.extents.indices.map { index in
      RowWindow(
        at: memory.address + plan.offsets[index], rowSize: plan.rowSizes[index], capacity: plan.capacities[index],
        margin: network.flow.margins[index].before)
    }
    sums = FeatureSums(channels: graph.output.channels, projectedOn: weights)
  }

  deinit {
    network.giveBack(memory)
  }

  /// Rows of the image that have not come yet.
  package var missingRows: Int { plan.extents[0].height - schedule.made[0] - gathered }

  /// Rows that the network works on together at most: more of them at once is of no use to it.
  package var bandRows: Int { max(1, plan.capacities[0]) }

  /// The next rows.
  /// - Parameter pixels: 8-bit RGB, interleaved; whole rows without gaps.
  package func append(_ pixels: Span<UInt8>) throws(NetworkError) {
    try pixels.withUnsafeBufferPointer { (pixels) throws(NetworkError) in
      let rowLength = 3 * plan.extents[0].width
      precondition(pixels.count.isMultiple(of: rowLength) && pixels.count / rowLength <= missingRows)
      try network.withThreads(plan.threads) { () throws(NetworkError) in
        var start = 0
        while start < pixels.count {
          let rows = min(wanted - gathered, (pixels.count - start) / rowLength)
          let end = start + rows * rowLength
          receive(UnsafeBufferPointer(rebasing: pixels[start..<end]), rows: rows)
          if gathered == wanted { try work() }
          start = end
        }
      }
    }
  }

  /// What the image has given so far, without a projection, with zeros for the rest of the map: lower bounds if no feature
  /// is below zero.
  package var bounds: Features {
    let extent = plan.extents[network.graph.output.index]
    return Features(
      height: extent.height, width: extent.width, means: sums.means(over: extent.height * extent.width), projection: nil
    )
  }

  /// What the image gave. All its rows have to have come.
  package func finish() -> Features {
    precondition(missingRows == 0)
    let extent = plan.extents[network.graph.output.index]
    return sums.features(height: extent.height, width: extent.width)
  }

  private func receive(_ pixels: UnsafeBufferPointer<UInt8>, rows: Int) {
    let first = schedule.made[0] + gathered
    windows[0].append(rows, keepingFrom: schedule.firstNeeded(in: 0))
    let rowLength = pixels.count / rows
    let type = network.flow.encodings[0].type
    for row in 0..<rows {
      let values = UnsafeBufferPointer(rebasing: pixels[row * rowLength..<(row + 1) * rowLength])
      let target = windows[0].address(of: first + row)
      if residual == nil {
        normalization.apply(to: values, into: target, as: type)
      } else {
        residual?.apply(to: values, row: first + row, into: target, as: type)
      }
    }
    // All of them, so that the columns that no window of a true one sees come from ordinary values, too.
    clear(plan.widths[0] - plan.extents[0].width, columnsBeyond: 0, in: first..<first + rows)
    gathered += rows
    completeStorage(0, with: first + rows)
  }

  /// All that can be done with the rows that have come.
  private func work() throws(NetworkError) {
    schedule.receive(gathered)
    gathered = 0
    while let band = schedule.next() {
      try run(band)
      schedule.complete(band)
    }
    wanted = schedule.wantedRows
  }

  private func run(_ band: Band) throws(NetworkError) {
    let flow = network.flow
    let storage = flow.storage[band.node]
    if storage == band.node {
      windows[storage].append(band.rows.count, keepingFrom: schedule.firstNeeded(in: storage))
    }
    let destination = windows[storage].address(of: band.rows.lowerBound)
    let sources = flow.sources[band.node]
    if sources.count > 1, flow.overwritten[band.node] == nil {
      copy(band.rows, of: sources[1].value, to: destination, as: flow.encodings[band.node].type)
    }
    let source = sources[0]
    let rows = source.window.source(of: band.rows)
    guard let shape = BandShape(band, of: network.graph, flow, widths: plan.widths, threads: plan.threads),
      let operation = operations[shape]
    else { preconditionFailure("a band that the plan does not know") }
    try operation.run(
      from: windows[flow.storage[source.value]].address(of: rows.lowerBound), to: destination,
      parameters: network.parameters(of: band.node, for: operation),
      scratchpad: memory.address + plan.scratchpadOffset, on: network.engine)
    if let statistics {
      statistics.add(
        destination.assumingMemoryBound(to: Float.self), rows: band.rows.count,
        columns: plan.extents[band.node].width, of: plan.widths[band.node], node: band.node)
    }
    if band.node == flow.output {
      sums.add(
        destination.assumingMemoryBound(to: Float.self), rows: band.rows.count,
        columns: plan.extents[band.node].width, of: plan.widths[band.node])
    }
    clear(flow.columnsBeyond[band.node], columnsBeyond: band.node, in: band.rows)
    if storage == band.node { completeStorage(storage, with: band.rows.upperBound) }
  }

  /// Sets the first columns right of the image to zero.
  private func clear(_ count: Int, columnsBeyond value: Int, in rows: Range<Int>) {
    let width = plan.extents[value].width
    let columns = min(count, plan.widths[value] - width)
    guard columns > 0 else { return }
    let (rowSize, columnSize) = (plan.rowSizes[value], plan.rowSizes[value] / plan.widths[value])
    var address = windows[network.flow.storage[value]].address(of: rows.lowerBound) + width * columnSize
    for _ in rows {
      memset(address, 0, columns * columnSize)
      address += rowSize
    }
  }

  /// Adds the margin below when all rows of a storage have been made.
  private func completeStorage(_ storage: Int, with rows: Int) {
    guard rows == plan.extents[storage].height else { return }
    windows[storage].appendZeros(
      network.flow.margins[storage].after, keepingFrom: schedule.firstNeeded(in: storage))
  }

  /// - Parameter type: one of the same size, or fp32.
  private func copy(_ rows: Range<Int>, of value: Int, to target: UnsafeMutableRawPointer, as type: DataType) {
    let source = windows[network.flow.storage[value]].address(of: rows.lowerBound)
    let size = rows.count * plan.rowSizes[value]
    let encoding = network.flow.encodings[value]
    if encoding.type.size == type.size {
      target.copyMemory(from: source, byteCount: size)
    } else {
      encoding.decode(source, into: target.assumingMemoryBound(to: Float.self), count: size / encoding.type.size)
    }
  }
}
