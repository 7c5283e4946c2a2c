/// Collects what images make of a network's feature maps.
package final class FeatureStatistics {
  private var histograms: [MagnitudeHistogram]
  private let graph: Graph

  package init(_ graph: Graph) {
    self.graph = graph
    histograms = graph.convolutions.map { _ in MagnitudeHistogram() }
  }

  /// - Parameters:
  ///   - values: (rows, width, channels), of a node of the graph.
  ///   - columns: those from the left that count.
  func add(_ values: UnsafePointer<Float>, rows: Int, columns: Int, of width: Int, node: Int) {
    guard case .convolution(let index, let convolution, _, _) = graph.nodes[node] else { return }
    let channels = convolution.outputChannels
    for row in 0..<rows {
      histograms[index].add(
        UnsafeBufferPointer(start: values + row * width * channels, count: columns * channels),
        every: Self.sampling(channels: channels))
    }
  }

  /// A sample of the values suffices.
  static func sampling(channels: Int) -> Int {
    [13, 17, 19, 23].first { !channels.isMultiple(of: $0) } ?? 1
  }

  package var calibration: Calibration {
    Calibration(
      ranges: zip(histograms, graph.convolutions).map { histogram, convolution in
        histogram.bestRange(levels: convolution.activation == .none ? 127 : 255)
      })
  }
}
