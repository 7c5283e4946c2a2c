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
            let rows = source.window.source(of: band.rows)
            #expect(rows.lowerBound >= -flow.margins[place].before, "seed \(seed): \(band)")
            #expect(
              rows.upperBound <= extents[source.value].height + flow.margins[place].after, "seed \(seed): \(band)")
            for row in rows.clamped(to: 0..<extents[source.value].height) {
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

  @Test func bandsHaveFewDifferentHeights() {
    #expect((1...8).map(BandSchedule.rounding) == Array(1...8))
    #expect((9...17).map(BandSchedule.rounding) == [8, 10, 10, 12, 12, 14, 14, 16, 16])
    #expect([19, 20, 56, 63, 64, 1_000].map(BandSchedule.rounding) == [16, 20, 56, 56, 64, 896])

    let graph = RandomResNet.bottlenecks(widths: [8, 16], depths: [2, 2], strides: [1, 2])
    let flow = RowFlow(EncodedGraph(graph, .fp32))
    var counts: Set<Int> = []
    for height in 1...200 {
      let heights = graph.extents(height: height, width: 8).map(\.height)
      var schedule = BandSchedule(flow, heights: heights, limits: heights.map { _ in 32 })
      while schedule.wantedRows > 0 {
        schedule.receive(schedule.wantedRows)
        while let band = schedule.next() {
          counts.insert(band.rows.count)
          schedule.complete(band)
        }
      }
    }
    #expect(counts.isSubset(of: [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32]))
    #expect(counts.contains(32))
  }

  /// What the bands of the paper's network hold depends on the width alone.
  @Test func capacitiesDoNotGrowWithTheHeight() {
    let graph = RandomResNet.bottlenecks(widths: [64, 128, 256, 512], depths: [3, 4, 6, 3], strides: [1, 2, 2, 2])
    func rows(_ height: Int) -> [Int] {
      let extents = graph.extents(height: height, width: WidthClass.rounding(4_000))
      let rowSizes = zip(extents, graph.values).map { 4 * $0.width * $1.channels }
      let limits = BandHeights.standard.rows(graph, extents, rowSizes)
      return RowDemand(
        graph, RowFlow(EncodedGraph(graph, .fp32)), heights: extents.map(\.height), widths: extents.map(\.width),
        limits: limits, threads: 1
      ).capacities
    }
    let tall = rows(1_000)
    #expect(rows(10_000) == tall)
    #expect(rows(999) == tall)
    // A band is four rows, and as many wait for the next stage; a trunk keeps a row for each of its blocks.
    #expect(tall.allSatisfy { $0 <= 4 + 4 + 6 })
  }
}
