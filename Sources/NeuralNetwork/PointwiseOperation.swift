import CConvolutions
import COneDNN

/// A call of a convolution 1×1 that nothing is compiled for (see `convolutions.h`).
final class PointwiseOperation: BandOperation {
  let weights = WeightOrder.pointwise
  let scratchpadSize: Int
  private let shape: pointwise_shape

  /// Nil: the convolution or the processor is none of those that it is made for. That depends on the layer alone, so that
  /// its weights need only one order.
  init?(_ band: BandShape) {
    guard case .convolution(let convolution, let adding) = band.operation, Self.suits(convolution),
      let source = band.sourceType.own, let destination = band.destinationType.own
    else { return nil }
    var shape = pointwise_shape(convolution, source)
    shape.destination_type = destination
    shape.threads = Int32(band.threads)
    shape.stride = Int32(convolution.window.stride)
    shape.source_width = Int32(band.width)
    shape.rows = Int32(band.destination[2])
    shape.width = Int32(band.destination[3])
    shape.ending = convolution_ending(convolution.activation, adding: adding)
    self.shape = shape
    scratchpadSize = withUnsafePointer(to: shape) { pointwise_scratchpad_size($0) }
  }

  func run(
    from source: UnsafeMutableRawPointer, to destination: UnsafeMutableRawPointer,
    parameters: (weights: TensorMemory, bias: TensorMemory)?, scratchpad: UnsafeMutableRawPointer, on engine: Engine
  ) throws(NetworkError) {
    guard let weights = parameters?.weights.address, let bias = parameters?.bias.address else {
      preconditionFailure("a convolution without weights")
    }
    withUnsafePointer(to: shape) { shape in
      pointwise_convolve(
        shape, source, weights, bias.assumingMemoryBound(to: Float.self), destination, scratchpad)
    }
  }

  private static func suits(_ convolution: Convolution) -> Bool {
    convolution.window.kernel == 1 && convolution.window.padding == Padding(0) && convolution.groups == 1
      && convolution.inputChannels.isMultiple(of: 2)
  }

  /// - Parameters:
  ///   - type: of the convolution's source.
  ///   - weights: (O, I) in fp32.
  static func arrangedWeights(
    of convolution: Convolution, for type: DataType, from weights: UnsafeMutableRawPointer
  ) throws(NetworkError) -> AlignedBuffer {
    guard let type = type.own else { preconditionFailure("weights are arranged for an operation alone") }
    var shape = pointwise_shape(convolution, type)
    let buffer = try AlignedBuffer(size: pointwise_weights_size(&shape))
    pointwise_arrange_weights(&shape, weights.assumingMemoryBound(to: Float.self), buffer.address)
    return buffer
  }
}

extension pointwise_shape {
  /// Without rows and columns.
  fileprivate init(_ convolution: Convolution, _ type: convolution_type) {
    self.init()
    source_type = type
    input_channels = Int32(convolution.inputChannels)
    output_channels = Int32(convolution.outputChannels)
  }
}

extension DataType {
  /// As `convolutions.h` calls it; nil if it, or the processor, does not compute with it. `ONEDNN_MAX_CPU_ISA` counts.
  var own: convolution_type? {
    let type: convolution_type
    switch self {
    case .fp32: type = CONVOLUTION_FP32
    case .bf16: type = CONVOLUTION_BF16
    case .u8, .s8: return nil
    }
    return Processor.has(dnnl_cpu_isa_avx512_core) && isNative && convolution_supports(type) ? type : nil
  }
}

extension convolution_ending {
  init(_ activation: Activation, adding: Bool) {
    self.init()
    adds = adding
    (lowest, highest) = activation.range
  }
}

extension Activation {
  /// What it cuts a number to.
  var range: (lowest: Float, highest: Float) {
    switch self {
    case .none: (-.infinity, .infinity)
    case .relu: (0, .infinity)
    case .relu6: (0, 6)
    }
  }
}
