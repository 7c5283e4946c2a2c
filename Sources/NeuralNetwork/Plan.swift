import COneDNN

/// A network compiled for one size of image: primitives in order and the place of every tensor.
final class Plan {
  private struct Step {
    var primitive: Primitive
    var arguments: [(argument: Int32, memory: TensorMemory)]
  }

  let inputHeight: Int
  let inputWidth: Int
  let outputHeight: Int
  let outputWidth: Int
  private let steps: [Step]
  /// Tensors in the arena, parallel to the offsets.
  private let memories: [TensorMemory]
  /// The tensor each memory lies in, as index into the arena's offsets.
  private let tensors: [Int]
  private let arena: ArenaLayout
  private let inputTensor: Int
  private let outputTensor: Int

  /// Bytes that ``run(in:engine:)`` needs.
  var size: Int { arena.size }

  /// - Parameter layers: one per convolution of the graph.
  init(_ graph: Graph, layers: [Layer], height: Int, width: Int, engine: Engine) throws(NetworkError) {
    let extents = graph.extents(height: height, width: width)
    guard extents.allSatisfy({ $0.height > 0 && $0.width > 0 }) else {
      throw NetworkError(.imageTooSmall, "an image of \(width)×\(height) pixels is too small for this network")
    }
    var builder = PlanBuilder(graph: graph, layers: layers, extents: extents, engine: engine)
    for index in graph.nodes.indices {
      try builder.append(index)
    }
    let output = try builder.finish()
    steps = builder.steps.map { Step(primitive: $0.primitive, arguments: $0.arguments) }
    memories = builder.memories
    tensors = builder.tensorOfMemory
    arena = ArenaLayout(builder.tensors)
    inputTensor = builder.inputTensor
    outputTensor = output
    (inputHeight, inputWidth) = (height, width)
    (outputHeight, outputWidth) = (extents[graph.output.index].height, extents[graph.output.index].width)
  }

  /// Where the image goes, in (H, W, C) order, before ``run(in:engine:)``.
  func input(in buffer: AlignedBuffer) -> UnsafeMutablePointer<Float> {
    (buffer.address + arena.offsets[inputTensor]).assumingMemoryBound(to: Float.self)
  }

  /// Where the last feature map is, in (H, W, C) order, after ``run(in:engine:)``.
  func output(in buffer: AlignedBuffer) -> UnsafePointer<Float> {
    UnsafePointer((buffer.address + arena.offsets[outputTensor]).assumingMemoryBound(to: Float.self))
  }

  /// Points the tensors into `buffer`: before the image is written there.
  func place(in buffer: AlignedBuffer) throws(NetworkError) {
    precondition(buffer.size >= size)
    for (memory, tensor) in zip(memories, tensors) {
      try memory.place(at: buffer.address + arena.offsets[tensor])
    }
  }

  func run(on engine: Engine) throws(NetworkError) {
    for step in steps {
      try step.primitive.execute(step.arguments, on: engine)
    }
  }
}
