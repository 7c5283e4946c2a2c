import CConvolutions
import COneDNN

/// A call of a convolution of every channel by itself that nothing is compiled for (see `convolutions.h`).
final class DepthwiseOperation: BandOperation {
  let weights = WeightOrder.depthwise
  let scratchpadSize = 0
  private let shape: depthwise_shape

  /// Nil: the convolution or the processor is none of those that it is made for. That depends on the layer alone, so that
  /// its weights need only one order.
  init?(_ band: BandShape) {
    guard case .convolution(let convolution, adding: false) = band.operation, Self.suits(convolution),
      let source = band.sourceType.own, let destination = band.destinationType.own
    else { return nil }
    var shape = depthwise_shape(convolution, source)
    shape.destination_type = destination
    shape.threads = Int32(band.threads)
    shape.source_width = Int32(band.width)
    shape.columns_before = Int32(convolution.window.padding.before)
    shape.rows = Int32(band.destination[2])
    shape.width = Int32(band.destination[3])
    shape.ending = convolution_ending(convolution.activation, adding: false)
    self.shape = shape
  }

  func run(
    from source: UnsafeMutableRawPointer, to destination: UnsafeMutableRawPointer,
    parameters: (weights: TensorMemory, bias: TensorMemory)?, scratchpad: UnsafeMutableRawPointer, on engine: Engine
  ) throws(NetworkError) {
    guard let weights = parameters?.weights.address, let bias = parameters?.bias.address else {
      preconditionFailure("a convolution without weights")
    }
    withUnsafePointer(to: shape) { shape in
      depthwise_convolve(
        shape, source, weights.assumingMemoryBound(to: Float.self), bias.assumingMemoryBound(to: Float.self),
        destination)
    }
  }

  private static func suits(_ convolution: Convolution) -> Bool {
    let window = convolution.window
    return convolution.groups == convolution.inputChannels && convolution.groups == convolution.outputChannels
      && convolution.groups.isMultiple(of: 16) && [3, 5].contains(window.kernel) && [1, 2].contains(window.stride)
  }

  /// - Parameters:
  ///   - type: of the convolution's source.
  ///   - weights: (C, k, k) in fp32.
  static func arrangedWeights(
    of convolution: Convolution, for type: DataType, from weights: UnsafeMutableRawPointer
  ) throws(NetworkError) -> AlignedBuffer {
    guard let type = type.own else { preconditionFailure("weights are arranged for an operation alone") }
    let buffer = try AlignedBuffer(size: convolution.weightCount * MemoryLayout<Float>.stride)
    var shape = depthwise_shape(convolution, type)
    depthwise_arrange_weights(
      &shape, weights.assumingMemoryBound(to: Float.self), buffer.address.assumingMemoryBound(to: Float.self))
    return buffer
  }
}

extension depthwise_shape {
  /// Without rows and columns.
  fileprivate init(_ convolution: Convolution, _ type: convolution_type) {
    self.init()
    source_type = type
    channels = Int32(convolution.groups)
    kernel = Int32(convolution.window.kernel)
    stride = Int32(convolution.window.stride)
  }
}
