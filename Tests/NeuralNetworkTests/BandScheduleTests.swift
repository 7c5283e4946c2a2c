import TestSupport
import Testing

@testable import NeuralNetwork

@Suite struct BandScheduleTests {
  /// Every row is made once, from rows that are there, and nothing is waited for in vain.
  @Test func everyRowIsMadeInTime() throws {
    for seed in UInt64(1)...300 {
      var random = SeededGenerator(seed: seed &+ 1_000)
      let network = RandomNetwork(seed: seed)
      let extents = network.graph.extents(height: network.height, width: network.width)
      let flow = RowFlow(EncodedGraph(network.graph, .fp32))
      let limits = extents.map { Int.random(in: 1...$0.height, using: &random) }
      var schedule = BandSchedule(flow, heights: extents.map(\.height), limits: limits)
      // For each storage, whose value each row holds.
      var tenants = extents.map { Array(repeating: -1, count: $0.height) }
      while schedule.wantedRows > 0 {
        let rows = schedule.made[0]..<schedule.made[0] + schedule.wantedRows
        try #require(rows.upperBound <= network.height, "seed \(seed)")
        for row in rows { tenants[0][row] = 0 }
        schedule.receive(rows.count)
        while let band = schedule.next() {
          #expect(!band.rows.isEmpty && band.rows.count <= limits[band.node], "seed \(seed)")
          #expect(band.rows.lowerBound == schedule.made[band.node], "seed \(seed)")
          let storage = flow.storage[band.node]
          for source in flow.sources[band.node] {
            let place = flow.storage[source.value]
            for row in source.window.source(of: band.rows, height: extents[source.value].height).rows {
              #expect(tenants[place][row] == source.value, "seed \(seed): row \(row) for \(band)")
              #expect(row >= schedule.firstNeeded(in: place), "seed \(seed): row \(row) for \(band)")
            }
          }
          for row in band.rows { tenants[storage][row] = band.node }
          schedule.complete(band)
        }
      }
      #expect(schedule.made == extents.map(\.height), "seed \(seed)")
    }
  }

  /// What the bands of the paper's network hold depends on the width alone.
  @Test func capacitiesDoNotGrowWithTheHeight() {
    let graph = RandomResNet.bottlenecks(widths: [64, 128, 256, 512], depths: [3, 4, 6, 3], strides: [1, 2, 2, 2])
    func rows(_ height: Int) -> [Int] {
      let extents = graph.extents(height: height, width: 4_000)
      let limits = BandHeights.standard.rows(graph, extents)
      return RowDemand(graph, RowFlow(EncodedGraph(graph, .fp32)), extents: extents, limits: limits).capacities
    }
    let tall = rows(1_000)
    #expect(rows(10_000) == tall)
    #expect(rows(999) == tall)
    // A band is four rows, and as many wait for the next stage; a trunk keeps a row for each of its blocks.
    #expect(tall.allSatisfy { $0 <= 4 + 4 + 6 })
  }
}
