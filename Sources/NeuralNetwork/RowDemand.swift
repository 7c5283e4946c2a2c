/// What the rows of images of one size need on their way: room and operations. Found by going through the whole course
/// of events without the values.
struct RowDemand {
  /// Rows that each storage holds at most; 0 for a value that lies in another's.
  private(set) var capacities: [Int]
  private(set) var shapes: Set<BandShape> = []

  init(_ graph: Graph, _ flow: RowFlow, extents: [Extent], limits: [Int]) {
    capacities = extents.map { _ in 0 }
    var schedule = BandSchedule(flow, heights: extents.map(\.height), limits: limits)
    while schedule.wantedRows > 0 {
      let rows = schedule.wantedRows
      reserve(rows, in: 0, schedule)
      schedule.receive(rows)
      while let band = schedule.next() {
        if flow.storage[band.node] == band.node { reserve(band.rows.count, in: band.node, schedule) }
        if let shape = BandShape(band, of: graph, flow, extents) { shapes.insert(shape) }
        schedule.complete(band)
      }
    }
  }

  private mutating func reserve(_ rows: Int, in storage: Int, _ schedule: BandSchedule) {
    let kept = schedule.made[storage] - schedule.firstNeeded(in: storage)
    capacities[storage] = max(capacities[storage], kept + rows)
  }
}
