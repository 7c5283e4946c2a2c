/// All that a layer's call is compiled for. Layers and bands of the same shape share the compiled code, whatever the size
/// of the image.
struct BandShape: Hashable {
  enum Operation: Hashable {
    /// - Parameter adding: to what the destination holds.
    case convolution(Convolution, adding: Bool)
    case maxPooling(Window, channels: Int)
    /// - Parameter step: of the destination's numbers.
    case conversion(channels: Int, step: Float)
  }

  var operation: Operation
  /// The graph's convolution, if its scales are part of the code: then no other layer shares it.
  var layer: Int?
  /// Of the source, and of the weights (s8 if it is u8).
  var sourceType: DataType
  var destinationType: DataType
  /// Columns of the source; the window pads them.
  var width: Int
  /// Rows of the destination. Those of the source hold their padding.
  var rows: Int
  /// That the work is divided among.
  var threads: Int

  var window: Window {
    switch operation {
    case .convolution(let convolution, _): convolution.window
    case .maxPooling(let window, _): window
    case .conversion: Window(kernel: 1)
    }
  }

  /// (N, C, H, W)
  var source: [Int] {
    let channels =
      switch operation {
      case .convolution(let convolution, _): convolution.inputChannels
      case .maxPooling(_, let channels), .conversion(let channels, _): channels
      }
    return [1, channels, window.source(of: 0..<rows).count, width]
  }

  /// (N, C, H, W)
  var destination: [Int] {
    let channels =
      switch operation {
      case .convolution(let convolution, _): convolution.outputChannels
      case .maxPooling(_, let channels), .conversion(let channels, _): channels
      }
    return [1, channels, rows, window.outputLength(width)]
  }
}

extension BandShape {
  /// Nil for a band of the input: nothing is to be done.
  /// - Parameter widths: of each value in memory.
  init?(_ band: Band, of graph: Graph, _ flow: RowFlow, widths: [Int], threads: Int) {
    let source: Graph.Value
    self.threads = threads
    switch graph.nodes[band.node] {
    case .input: return nil
    case .convolution(let index, let convolution, let value, let residual):
      operation = .convolution(convolution, adding: residual != nil)
      layer = flow.encodings[value.index].type.isInteger ? index : nil
      source = value
    case .maxPooling(let pooling, let value):
      operation = .maxPooling(pooling, channels: value.channels)
      source = value
    case .conversion(let value):
      operation = .conversion(channels: value.channels, step: flow.encodings[band.node].step)
      source = value
    }
    (sourceType, destinationType) = (flow.encodings[source.index].type, flow.encodings[band.node].type)
    (width, rows) = (widths[source.index], band.rows.count)
    if window == Window(kernel: 1) {
      // One pixel at a time: it is all the same how they are divided into rows.
      (width, rows) = (width * rows, 1)
    }
  }
}
