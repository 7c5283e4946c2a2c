/// How many rows a layer makes in one call at most: enough to be worth the call and the reading of its weights, few
/// enough that they are still in the cache when the next layer reads them.
struct BandHeights: Sendable {
  /// For each value of a graph with these extents.
  let rows: @Sendable (Graph, [Extent]) -> [Int]

  /// All rows in one call: no streaming.
  static let whole = BandHeights { _, extents in extents.map(\.height) }

  /// Fits into a core's share of the last cache. Lower bands than four rows would move more rows than they make.
  static let standard = fitting(bytes: 2 << 20, atLeast: 4)

  /// As many rows as fit into `bytes`, a power of two, of the widest of all values that have the same distance between
  /// rows.
  static func fitting(bytes: Int, atLeast least: Int) -> BandHeights {
    BandHeights { graph, extents in
      let region = graph.regions
      var rowSize: [Int: Int] = [:]
      for (index, value) in graph.values.enumerated() {
        let size = value.channels * extents[index].width * MemoryLayout<Float>.stride
        rowSize[region[index]] = max(rowSize[region[index]] ?? 1, size)
      }
      return extents.indices.map { index in
        let fitting = max(least, bytes / (rowSize[region[index]] ?? 1))
        let power = 1 << (Int.bitWidth - 1 - fitting.leadingZeroBitCount)
        return max(1, min(power, extents[index].height))
      }
    }
  }
}

/// Size of a feature map.
struct Extent: Hashable, Sendable {
  var height: Int
  var width: Int
}

extension Graph {
  /// For each value, the node from which on its rows have their present distance: the input or a node that gathers.
  var regions: [Int] {
    var regions: [Int] = []
    for (index, node) in nodes.enumerated() {
      switch node {
      case .input: regions.append(index)
      case .convolution(_, let convolution, let source, _):
        regions.append(convolution.window.gathers ? index : regions[source.index])
      case .maxPooling(let window, let source):
        regions.append(window.gathers ? index : regions[source.index])
      }
    }
    return regions
  }
}

extension Window {
  /// Whether a layer waits until it can make all rows of a band. Where the distance between rows grows, bands would
  /// become lower and lower otherwise. A shortcut (1×1) need not wait: what it makes takes no more room than its input.
  var gathers: Bool { stride > 1 && kernel > 1 }
}
