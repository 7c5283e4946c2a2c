/// A network as data: nodes in order of execution, the last one is the output.
package struct Graph: Sendable {
  /// The output of a node.
  package struct Value: Hashable, Sendable {
    let index: Int
    /// Channels.
    package let channels: Int
  }

  enum Node: Sendable {
    case input
    /// - Parameters:
    ///   - index: position in ``Graph/convolutions``.
    ///   - residual: added to the convolution's result, before the activation.
    case convolution(index: Int, Convolution, source: Value, residual: Value?)
    case maxPooling(Window, source: Value)
    /// The same numbers in another encoding.
    case conversion(source: Value)
  }

  private(set) var nodes: [Node]
  private(set) var values: [Value]
  /// In order of execution; parameters come in this order.
  package private(set) var convolutions: [Convolution] = []
  /// The image.
  package var input: Value { values[0] }
  /// The last feature map.
  package var output: Value { values[values.count - 1] }

  /// Whether no value of the last feature map can be below zero.
  package var isOutputNonNegative: Bool { isNonNegative(output) }

  package init(inputChannels: Int) {
    nodes = [.input]
    values = [Value(index: 0, channels: inputChannels)]
  }

  private mutating func append(_ node: Node, channels: Int) -> Value {
    let value = Value(index: nodes.count, channels: channels)
    nodes.append(node)
    values.append(value)
    return value
  }

  package mutating func convolution(
    _ convolution: Convolution, of source: Value, adding residual: Value? = nil
  ) -> Value {
    precondition(source.channels == convolution.inputChannels)
    precondition(residual.map { $0.channels == convolution.outputChannels } ?? true)
    let node = Node.convolution(index: convolutions.count, convolution, source: source, residual: residual)
    convolutions.append(convolution)
    return append(node, channels: convolution.outputChannels)
  }

  /// - Parameter source: what comes out of ReLU or ReLU6. Padding is zeros in memory, as it is for convolutions, and with
  ///   values from 0 on they are never larger than what else is in a window.
  package mutating func maxPooling(_ window: Window, of source: Value) -> Value {
    precondition(isNonNegative(source))
    return append(.maxPooling(window, source: source), channels: source.channels)
  }

  /// Whether all of it comes out of ReLU or ReLU6.
  private func isNonNegative(_ value: Value) -> Bool {
    switch nodes[value.index] {
    case .input: false
    case .convolution(_, let convolution, _, _): convolution.activation != .none
    case .maxPooling(_, let source), .conversion(let source): isNonNegative(source)
    }
  }

  mutating func conversion(of source: Value) -> Value {
    append(.conversion(source: source), channels: source.channels)
  }

  /// Size of every value; a 0 where the image is too small.
  func extents(height: Int, width: Int) -> [Extent] {
    var extents: [Extent] = []
    for node in nodes {
      switch node {
      case .input: extents.append(Extent(height: height, width: width))
      case .convolution(_, let convolution, let source, _):
        extents.append(convolution.window.applied(to: extents[source.index]))
      case .maxPooling(let window, let source):
        extents.append(window.applied(to: extents[source.index]))
      case .conversion(let source): extents.append(extents[source.index])
      }
    }
    return extents
  }
}

extension Window {
  fileprivate func applied(to extent: Extent) -> Extent {
    Extent(height: outputLength(extent.height), width: outputLength(extent.width))
  }
}
