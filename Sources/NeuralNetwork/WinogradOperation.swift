import CConvolutions
import COneDNN

/// A call of a convolution 3×3 with a quarter of the multiplications (see `winograd.h`).
final class WinogradOperation: BandOperation {
  let weights = WeightOrder.winograd
  let scratchpadSize: Int
  private let shape: winograd_shape

  /// Fewer channels would not pay for the transforms.
  private static let fewestChannels = 32

  enum Instructions: CaseIterable {
    case avx512, avx2

    /// Whether the processor has them and `ONEDNN_MAX_CPU_ISA` allows them.
    var areAvailable: Bool {
      switch self {
      case .avx512: Processor.has(dnnl_cpu_isa_avx512_core) && winograd_supports(code)
      case .avx2: Processor.has(dnnl_cpu_isa_avx2) && winograd_supports(code)
      }
    }

    fileprivate var code: winograd_instructions { self == .avx512 ? WINOGRAD_AVX512 : WINOGRAD_AVX2 }

    static var best: Instructions? { allCases.first(where: \.areAvailable) }
  }

  /// Nil: the convolution is none of those that it is made for. That depends on the layer alone, so that its weights need
  /// only one order.
  init?(_ band: BandShape, instructions: Instructions? = .best) {
    guard case .convolution(let convolution, let adding) = band.operation, band.sourceType == .fp32,
      band.destinationType == .fp32, let instructions, Self.suits(convolution)
    else { return nil }
    var shape = winograd_shape(convolution, instructions, threads: band.threads)
    shape.source_rows = Int32(band.source[2])
    shape.source_width = Int32(band.source[3])
    shape.columns_before = Int32(band.window.padding.before)
    shape.rows = Int32(band.destination[2])
    shape.width = Int32(band.destination[3])
    shape.adds = adding
    (shape.lowest, shape.highest) = convolution.activation.range
    self.shape = shape
    scratchpadSize = withUnsafePointer(to: shape) { winograd_scratchpad_size($0) }
  }

  func run(
    from source: UnsafeMutableRawPointer, to destination: UnsafeMutableRawPointer,
    parameters: (weights: TensorMemory, bias: TensorMemory)?, scratchpad: UnsafeMutableRawPointer, on engine: Engine
  ) throws(NetworkError) {
    guard let weights = parameters?.weights.address, let bias = parameters?.bias.address else {
      preconditionFailure("a convolution without weights")
    }
    withUnsafePointer(to: shape) { shape in
      winograd_convolve(
        shape, source.assumingMemoryBound(to: Float.self), weights.assumingMemoryBound(to: Float.self),
        bias.assumingMemoryBound(to: Float.self), destination.assumingMemoryBound(to: Float.self),
        scratchpad.assumingMemoryBound(to: Float.self))
    }
  }

  private static func suits(_ convolution: Convolution) -> Bool {
    let (inputs, outputs) = (convolution.inputChannels, convolution.outputChannels)
    let window = convolution.window
    return window.kernel == 3 && window.stride == 1 && convolution.groups == 1
      && min(inputs, outputs) >= fewestChannels && inputs.isMultiple(of: WINOGRAD_CHUNK)
      && outputs.isMultiple(of: WINOGRAD_PANEL)
  }

  /// Bytes of its weights; nil if nothing would use them.
  /// - Parameter type: of source and destination.
  static func weightsSize(of convolution: Convolution, for type: DataType) -> Int? {
    guard type == .fp32, suits(convolution), Instructions.best != nil else { return nil }
    return winograd_weights_count(Int32(convolution.inputChannels), Int32(convolution.outputChannels))
      * MemoryLayout<Float>.stride
  }

  /// - Parameter weights: (O, I, 3, 3).
  /// - Returns: four times as many numbers.
  static func transformedWeights(
    of convolution: Convolution, from weights: UnsafeMutableRawPointer
  ) throws(NetworkError) -> AlignedBuffer {
    guard let instructions = Instructions.best else {
      preconditionFailure("weights are transformed for an operation alone")
    }
    let count = winograd_weights_count(Int32(convolution.inputChannels), Int32(convolution.outputChannels))
    let buffer = try AlignedBuffer(size: count * MemoryLayout<Float>.stride)
    withUnsafePointer(to: winograd_shape(convolution, instructions, threads: Int(omp_get_max_threads()))) { shape in
      winograd_transform_weights(
        shape, weights.assumingMemoryBound(to: Float.self), buffer.address.assumingMemoryBound(to: Float.self))
    }
    return buffer
  }
}

extension winograd_shape {
  /// Without rows and columns.
  fileprivate init(_ convolution: Convolution, _ instructions: WinogradOperation.Instructions, threads: Int) {
    self.init()
    self.instructions = instructions.code
    self.threads = Int32(threads)
    input_channels = Int32(convolution.inputChannels)
    output_channels = Int32(convolution.outputChannels)
  }
}
