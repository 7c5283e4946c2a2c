import COneDNN

/// A layer's call that oneDNN compiles.
final class PrimitiveOperation: BandOperation {
  private let primitive: Primitive
  private let source: TensorMemory
  private let destination: TensorMemory
  private let scratchpad: TensorMemory
  let weights: WeightOrder
  let scratchpadSize: Int

  /// - Parameter rescaling: of an 8-bit convolution.
  init(_ shape: BandShape, rescaling: Rescaling? = nil, engine: Engine) throws(NetworkError) {
    let source = try TensorLayout.channelsLast(shape.source, shape.sourceType)
    let destination = try TensorLayout.channelsLast(shape.destination, shape.destinationType)
    primitive =
      switch shape.operation {
      case .convolution(let convolution, let adding):
        try Primitive(
          convolution, from: source, to: destination, weightType: shape.sourceType.isInteger ? .s8 : shape.sourceType,
          attributes: Attributes(
            sum: adding, activation: shape.destinationType.isInteger ? .none : convolution.activation,
            rescaling: rescaling), engine: engine)
      case .maxPooling(let window, _):
        try Primitive(maxPooling: window, from: source, to: destination, engine: engine)
      case .conversion(_, let step):
        try Primitive(reordering: source, to: destination, step: step, engine: engine)
      }
    self.source = try TensorMemory(source, engine: engine)
    self.destination = try TensorMemory(destination, engine: engine)
    scratchpad = try TensorMemory(primitive.scratchpad, engine: engine)
    weights = .library(primitive.weights)
    scratchpadSize = primitive.scratchpad.size
  }

  func run(
    from source: UnsafeMutableRawPointer, to destination: UnsafeMutableRawPointer,
    parameters: (weights: TensorMemory, bias: TensorMemory)?, scratchpad: UnsafeMutableRawPointer, on engine: Engine
  ) throws(NetworkError) {
    try self.source.place(at: source)
    try self.destination.place(at: destination)
    try self.scratchpad.place(at: scratchpad)
    var arguments: [(argument: Int32, memory: TensorMemory)] = [
      (DNNL_ARG_SRC, self.source), (DNNL_ARG_DST, self.destination), (DNNL_ARG_SCRATCHPAD, self.scratchpad),
    ]
    if let parameters {
      arguments.append((DNNL_ARG_WEIGHTS, parameters.weights))
      arguments.append((DNNL_ARG_BIAS, parameters.bias))
    }
    try primitive.execute(arguments, on: engine)
  }
}

extension BandShape {
  /// Bytes of code and tables, roughly, as measured with oneDNN 2.6 and AVX-512. What a convolution with a wide window
  /// keeps for each column is in no figure that the library gives.
  var primitiveSize: Int {
    switch operation {
    case .convolution(let convolution, _) where convolution.groups == 1 && convolution.window.kernel > 1:
      (200 << 10) + width * 1_200
    case .convolution(let convolution, _) where convolution.groups == 1: 80 << 10
    default: 48 << 10
    }
  }
}

extension Primitive {
  /// - Parameters:
  ///   - attributes: the activation and what comes before it.
  fileprivate convenience init(
    _ convolution: Convolution, from source: TensorLayout, to destination: TensorLayout, weightType: DataType,
    attributes: Attributes, engine: Engine
  ) throws(NetworkError) {
    let weights = try TensorLayout(shape: convolution.groupedWeightShape, weightType, order: dnnl_format_tag_any)
    let bias = try TensorLayout.plain([convolution.outputChannels])
    let window = convolution.window
    var (s, w, b, d) = (source.descriptor, weights.descriptor, bias.descriptor, destination.descriptor)
    var operation = dnnl_convolution_desc_t()
    try check(
      dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_convolution_direct, &s, &w, &b, &d, window.strides, [0, 0],
        window.paddingBefore, window.paddingAfter),
      "describe a convolution")
    try self.init(
      operation, attributes: attributes, engine: engine, name: "a convolution \(convolution.weightShape)")
  }

  fileprivate convenience init(
    maxPooling window: Window, from source: TensorLayout, to destination: TensorLayout, engine: Engine
  ) throws(NetworkError) {
    var (s, d) = (source.descriptor, destination.descriptor)
    var operation = dnnl_pooling_desc_t()
    try check(
      dnnl_pooling_forward_desc_init(
        &operation, dnnl_forward_inference, dnnl_pooling_max, &s, &d, window.strides, window.kernels,
        window.paddingBefore, window.paddingAfter),
      "describe a max pooling")
    try self.init(operation, attributes: Attributes(), engine: engine, name: "a max pooling")
  }
}

/// (H, W), as oneDNN wants it.
extension Window {
  fileprivate var strides: [Int64] { [Int64(stride), Int64(stride)] }
  fileprivate var kernels: [Int64] { [Int64(kernel), Int64(kernel)] }
  /// The rows' padding lies in memory.
  fileprivate var paddingBefore: [Int64] { [0, Int64(padding.before)] }
  fileprivate var paddingAfter: [Int64] { [0, Int64(padding.after)] }
}
