/// A graph as it is executed, and how each of its values is stored.
struct EncodedGraph {
  var graph: Graph
  /// Of each value.
  var encodings: [Encoding]

  private init(graph: Graph, encodings: [Encoding]) {
    (self.graph, self.encodings) = (graph, encodings)
  }

  init(_ graph: Graph, _ arithmetic: Arithmetic) {
    switch arithmetic {
    case .fp32, .bf16:
      let type = arithmetic == .bf16 ? DataType.bf16 : .fp32
      self.init(
        graph: graph,
        encodings: graph.nodes.indices.map { $0 == graph.output.index ? .fp32 : Encoding(type: type) })
    case .int8(let calibration): self.init(quantizing: graph, calibration)
    }
  }

  /// What reads the image stays fp32 and is converted behind: three channels would leave the byte instructions idle, and
  /// a pixel's 256 values, normalized, need more than a byte.
  private init(quantizing source: Graph, _ calibration: Calibration) {
    precondition(calibration.ranges.count == source.convolutions.count)
    var graph = Graph(inputChannels: source.input.channels)
    var encodings = [Encoding.fp32]
    /// The value that stands for each of the source's.
    var values = [graph.input]
    for (node, old) in zip(source.nodes, source.values).dropFirst() {
      let isLast = old == source.output
      switch node {
      case .input, .conversion: preconditionFailure("a graph from outside has one image and no conversions")
      case .maxPooling(let window, let value):
        let value = values[value.index]
        values.append(graph.maxPooling(window, of: value))
        encodings.append(encodings[value.index])
      case .convolution(let index, let convolution, let value, let residual):
        let encoding = Encoding.integer(range: calibration.ranges[index], of: convolution.activation)
        let readsImage = value == source.input
        precondition(residual != source.input && (!readsImage || residual == nil))
        let result = graph.convolution(convolution, of: values[value.index], adding: residual.map { values[$0.index] })
        encodings.append(isLast || readsImage ? .fp32 : encoding)
        if readsImage, !isLast {
          values.append(graph.conversion(of: result))
          encodings.append(encoding)
        } else {
          values.append(result)
        }
      }
    }
    self.init(graph: graph, encodings: encodings)
  }
}
