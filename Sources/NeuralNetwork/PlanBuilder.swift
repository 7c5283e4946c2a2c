import COneDNN

/// Compiles a graph node by node and keeps book of which tensor lives from which step to which.
struct PlanBuilder {
  /// A value's place: a tensor of the arena and its order.
  private struct Place {
    var tensor: Int
    var layout: TensorLayout
  }

  private let graph: Graph
  private let layers: [Layer]
  private let extents: [(height: Int, width: Int)]
  private let lastUses: [Int]
  private let engine: Engine
  private var places: [Place] = []

  private(set) var steps: [(primitive: Primitive, arguments: [(argument: Int32, memory: TensorMemory)])] = []
  private(set) var tensors: [ArenaLayout.Tensor] = []
  private(set) var memories: [TensorMemory] = []
  private(set) var tensorOfMemory: [Int] = []
  var inputTensor: Int { places[0].tensor }

  init(graph: Graph, layers: [Layer], extents: [(height: Int, width: Int)], engine: Engine) {
    self.graph = graph
    self.layers = layers
    self.extents = extents
    self.engine = engine
    lastUses = graph.lastUses
  }

  mutating func append(_ index: Int) throws(NetworkError) {
    switch graph.nodes[index] {
    case .input:
      places.append(try newPlace(.channelsLast(shape(index))))
    case .convolution(let layer, _, let source, let residual):
      places.append(try convolution(index, layers[layer], source: source, residual: residual))
    case .maxPooling(let window, let source):
      places.append(try maxPooling(index, window, source: source))
    }
  }

  /// Brings the output into (H, W, C) order.
  /// - Returns: its tensor.
  mutating func finish() throws(NetworkError) -> Int {
    let place = try reordered(places[graph.output.index], to: .channelsLast(shape(graph.output.index)))
    // It is read after the last step.
    touch(place.tensor, at: steps.count)
    return place.tensor
  }

  private mutating func convolution(
    _ index: Int, _ layer: Layer, source: Graph.Value, residual: Graph.Value?
  ) throws(NetworkError) -> Place {
    let primitive = try layer.primitive(
      source: shape(source.index), destination: shape(index), sum: residual != nil, engine: engine)
    let input = try reordered(places[source.index], to: primitive.source)
    let output: Place
    if let residual {
      let place = places[residual.index]
      let isFree = lastUses[residual.index] == index && residual != source
      // The sum happens in the residual's own memory if nobody needs it later.
      output = isFree ? try reordered(place, to: primitive.destination) : try copied(place, to: primitive.destination)
    } else {
      output = try newPlace(primitive.destination)
    }
    try append(
      primitive,
      [
        (DNNL_ARG_SRC, try memory(input)), (DNNL_ARG_WEIGHTS, try layer.weights(primitive.weights, engine: engine)),
        (DNNL_ARG_BIAS, layer.bias), (DNNL_ARG_DST, try memory(output)),
      ])
    return output
  }

  private mutating func maxPooling(_ index: Int, _ window: Window, source: Graph.Value) throws(NetworkError) -> Place {
    let place = places[source.index]
    let destination = try TensorLayout(shape: shape(index), order: dnnl_format_tag_any)
    var (s, d) = (place.layout.descriptor, destination.descriptor)
    var operation = dnnl_pooling_desc_t()
    try check(
      dnnl_pooling_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_pooling_max, &s, &d, window.strides, window.kernels,
        window.paddingBefore, window.paddingAfter),
      "describe a max pooling")
    let primitive = try Primitive(operation, attributes: Attributes(), engine: engine, name: "a max pooling")
    let output = try newPlace(primitive.destination)
    try append(primitive, [(DNNL_ARG_SRC, try memory(place)), (DNNL_ARG_DST, try memory(output))])
    return output
  }

  /// `place` itself if it is in that order already.
  private mutating func reordered(_ place: Place, to layout: TensorLayout) throws(NetworkError) -> Place {
    place.layout == layout ? place : try copied(place, to: layout)
  }

  private mutating func copied(_ place: Place, to layout: TensorLayout) throws(NetworkError) -> Place {
    let primitive = try Primitive(reordering: place.layout, to: layout, engine: engine)
    let target = try newPlace(layout)
    try append(primitive, [(DNNL_ARG_FROM, try memory(place)), (DNNL_ARG_TO, try memory(target))])
    return target
  }

  private mutating func append(
    _ primitive: Primitive, _ arguments: [(argument: Int32, memory: TensorMemory)]
  ) throws(NetworkError) {
    let scratchpad = try memory(newPlace(primitive.scratchpad))
    steps.append((primitive, arguments + [(DNNL_ARG_SCRATCHPAD, scratchpad)]))
  }

  /// A tensor that is written by the step that comes next.
  private mutating func newPlace(_ layout: TensorLayout) throws(NetworkError) -> Place {
    tensors.append(ArenaLayout.Tensor(size: layout.size, lifetime: steps.count...steps.count))
    return Place(tensor: tensors.count - 1, layout: layout)
  }

  /// An argument of the step that comes next.
  private mutating func memory(_ place: Place) throws(NetworkError) -> TensorMemory {
    touch(place.tensor, at: steps.count)
    let memory = try TensorMemory(place.layout, engine: engine)
    memories.append(memory)
    tensorOfMemory.append(place.tensor)
    return memory
  }

  private mutating func touch(_ tensor: Int, at step: Int) {
    tensors[tensor].lifetime = tensors[tensor].lifetime.lowerBound...step
  }

  /// (N, C, H, W)
  private func shape(_ index: Int) -> [Int] {
    [1, graph.values[index].channels, extents[index].height, extents[index].width]
  }
}
