/// All that a layer's call is compiled for. Layers and bands of the same shape share the compiled code.
struct BandShape: Hashable {
  enum Operation: Hashable {
    /// - Parameter adding: to what the destination holds.
    case convolution(Convolution, adding: Bool)
    case maxPooling(Window, channels: Int)
  }

  var operation: Operation
  /// Of the source, and of the weights.
  var sourceType: DataType
  var destinationType: DataType
  /// Columns of the source.
  var width: Int
  /// Rows of the destination.
  var rows: Int
  /// Rows of padding above and below the source's rows.
  var padding: Padding

  var window: Window {
    switch operation {
    case .convolution(let convolution, _): convolution.window
    case .maxPooling(let window, _): window
    }
  }

  /// (N, C, H, W)
  var source: [Int] {
    let channels =
      switch operation {
      case .convolution(let convolution, _): convolution.inputChannels
      case .maxPooling(_, let channels): channels
      }
    return [1, channels, (rows - 1) * window.stride + window.kernel - padding.before - padding.after, width]
  }

  /// (N, C, H, W)
  var destination: [Int] {
    let channels =
      switch operation {
      case .convolution(let convolution, _): convolution.outputChannels
      case .maxPooling(_, let channels): channels
      }
    return [1, channels, rows, window.outputLength(width)]
  }
}

extension BandShape {
  /// Nil for a band of the input: nothing is to be done.
  init?(_ band: Band, of graph: Graph, _ flow: RowFlow, _ extents: [Extent]) {
    let window: Window
    let source: Graph.Value
    switch graph.nodes[band.node] {
    case .input: return nil
    case .convolution(_, let convolution, let value, let residual):
      operation = .convolution(convolution, adding: residual != nil)
      (window, source) = (convolution.window, value)
    case .maxPooling(let pooling, let value):
      operation = .maxPooling(pooling, channels: value.channels)
      (window, source) = (pooling, value)
    }
    (sourceType, destinationType) = (flow.types[source.index], flow.types[band.node])
    width = extents[source.index].width
    rows = band.rows.count
    padding = window.source(of: band.rows, height: extents[source.index].height).padding
  }
}
