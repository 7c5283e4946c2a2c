/// How many rows a layer makes in one call at most: enough to be worth the call and the reading of its weights, few
/// enough that they are still in the cache when the next layer reads them.
struct BandHeights: Sendable {
  /// For each value of a graph with these extents. With the same widths it is the same, whatever the heights: bands of
  /// many images then have the same compiled operations.
  /// - Parameter rowSizes: bytes of a row of each value.
  let rows: @Sendable (_ graph: Graph, _ extents: [Extent], _ rowSizes: [Int]) -> [Int]

  /// All rows in one call: no streaming.
  static let whole = BandHeights { _, extents, _ in extents.map(\.height) }

  /// Bytes of a band's largest tensor. Between a quarter and four times this, time is the same within the noise.
  private static let usualSize = 2 << 20
  /// Bytes up to which a band has four rows.
  private static let largestSize = 20 << 20

  /// As many rows, a power of two, as keep the widest value of those with the same distance between rows in the cache. A
  /// convolution 3×3 keeps two rows from band to band, so that bands of fewer than four would move more than they make;
  /// images of many thousand columns have two or one all the same, to spare memory.
  static let standard = BandHeights { graph, _, rowSizes in
    let region = graph.regions
    var largest: [Int: Int] = [:]
    for (index, size) in rowSizes.enumerated() {
      largest[region[index]] = max(largest[region[index]] ?? 1, size)
    }
    return rowSizes.indices.map { index in
      let size = largest[region[index]] ?? 1
      let rows = max(usualSize / size, min(largestSize / size, 4), 1)
      return 1 << (Int.bitWidth - 1 - rows.leadingZeroBitCount)
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
      case .conversion(let source): regions.append(regions[source.index])
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
