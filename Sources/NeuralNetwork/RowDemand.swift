/// What the rows of images of one size need on their way: room and operations. Found by going through the whole course
/// of events without the values.
struct RowDemand {
  /// Rows that each storage holds at most; 0 for a value that lies in another's.
  private(set) var capacities: [Int]
  private(set) var shapes: Set<BandShape> = []

  /// - Parameters:
  ///   - heights: of each value, above 0.
  ///   - widths: of each value in memory.
  init(_ graph: Graph, _ flow: RowFlow, heights: [Int], widths: [Int], limits: [Int], threads: Int) {
    // Before the first row there are those of the margin.
    capacities = flow.margins.map(\.before)
    var schedule = BandSchedule(flow, heights: heights, limits: limits)
    func reserve(_ rows: Int, in storage: Int) {
      let kept = schedule.made[storage] - schedule.firstNeeded(in: storage)
      // The margin below comes with the last rows. That it has room with any others, too, makes this the same for all heights.
      capacities[storage] = max(capacities[storage], kept + rows + flow.margins[storage].after)
    }
    /// Of each node: heights of the bands that are known.
    var known: [Set<Int>] = heights.map { _ in [] }
    while schedule.wantedRows > 0 {
      let rows = schedule.wantedRows
      reserve(rows, in: 0)
      schedule.receive(rows)
      while let band = schedule.next() {
        if flow.storage[band.node] == band.node { reserve(band.rows.count, in: band.node) }
        if known[band.node].insert(band.rows.count).inserted,
          let shape = BandShape(band, of: graph, flow, widths: widths, threads: threads)
        {
          shapes.insert(shape)
        }
        schedule.complete(band)
      }
    }
  }
}
