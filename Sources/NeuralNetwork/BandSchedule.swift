/// One call of a layer: makes these rows of the node's value.
struct Band: Hashable {
  var node: Int
  var rows: Range<Int>
}

/// The order in which rows flow through a network from top to bottom. Pure: it knows how many rows each layer has made,
/// not what is in them.
///
/// The deepest layer that can work goes first, so that rows are used up as soon as possible and in the cache.
struct BandSchedule {
  private let flow: RowFlow
  /// Of each value.
  private let heights: [Int]
  /// Rows that each node makes in one call at most.
  private let limits: [Int]
  /// Whether a node waits until it can make `limits` rows. Others wait for an eighth of them, so that what
  /// ``rounding(_:)`` leaves of the first band is made with the second.
  private let gathers: [Bool]
  /// Rows that each node has made; of the input: that have come.
  private(set) var made: [Int]

  /// - Parameters:
  ///   - heights: of each value, above 0.
  ///   - limits: of each value, above 0.
  init(_ flow: RowFlow, heights: [Int], limits: [Int]) {
    self.flow = flow
    self.heights = heights
    self.limits = limits
    gathers = flow.sources.map { $0.first?.window.gathers ?? false }
    made = heights.map { _ in 0 }
  }

  /// Rows of the image without which nothing more happens; 0 when all have come. Means something only when ``next()`` has
  /// nothing to do.
  var wantedRows: Int {
    let missing = heights[0] - made[0]
    let wishes = flow.readers[0].map { reader in
      let goal = min(made[reader.node] + limits[reader.node], heights[reader.node])
      guard goal > made[reader.node] else { return missing }
      return min(reader.window.source(of: goal - 1..<goal).upperBound, heights[0]) - made[0]
    }
    return min(missing, max(1, wishes.min() ?? missing))
  }

  /// - Parameter rows: at most ``wantedRows``.
  mutating func receive(_ rows: Int) {
    made[0] += rows
    precondition(made[0] <= heights[0])
  }

  /// What to do next; nil: wait for rows.
  func next() -> Band? {
    for node in stride(from: made.count - 1, to: 0, by: -1) where made[node] < heights[node] {
      let possible = possibleRows(node)
      let count = possible - made[node]
      guard count > 0 else { continue }
      if possible < heights[node], count < (gathers[node] ? limits[node] : limits[node] / 8) { continue }
      let rows = count < limits[node] ? Self.rounding(count) : limits[node]
      return Band(node: node, rows: made[node]..<made[node] + rows)
    }
    return nil
  }

  /// The node has made these rows.
  mutating func complete(_ band: Band) {
    made[band.node] = band.rows.upperBound
  }

  /// The first of the rows of a storage that somebody still needs; the rows above it may go.
  func firstNeeded(in storage: Int) -> Int {
    flow.tenants[storage].reduce(made[storage]) { min($0, firstNeeded(of: $1)) }
  }

  private func firstNeeded(of value: Int) -> Int {
    flow.readers[value].reduce(made[value]) { min($0, firstNeeded(by: $1)) }
  }

  private func firstNeeded(by reader: RowFlow.Reader) -> Int {
    made[reader.node] == heights[reader.node] ? Int.max : reader.window.firstRow(for: made[reader.node])
  }

  /// Rows that the node can have made with what there is.
  private func possibleRows(_ node: Int) -> Int {
    var rows = heights[node]
    for source in flow.sources[node] {
      rows = min(rows, source.window.outputRows(from: made[source.value], of: heights[source.value]))
    }
    if let overwritten = flow.overwritten[node] {
      // What another reader has not seen yet stays.
      for reader in flow.readers[overwritten] where reader.node != node {
        rows = min(rows, firstNeeded(by: reader))
      }
    }
    return rows
  }

  /// The most rows, not more than `rows`, whose binary number ends in zeros after three digits: as there are few such
  /// numbers, the first and the last bands of an image need few operations that other images have not needed.
  static func rounding(_ rows: Int) -> Int {
    let shift = max(0, Int.bitWidth - rows.leadingZeroBitCount - 3)
    return (rows >> shift) << shift
  }
}
