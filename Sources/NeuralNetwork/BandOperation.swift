/// A layer's call, prepared for one shape. Rows of source and destination are channels last: (H, W, C).
protocol BandOperation: AnyObject {
  /// Without meaning for a pooling.
  var weights: WeightOrder { get }
  /// Bytes that ``run(from:to:parameters:scratchpad:on:)`` needs beside the tensors.
  var scratchpadSize: Int { get }

  /// - Parameter parameters: weights and bias, if it is a convolution.
  func run(
    from source: UnsafeMutableRawPointer, to destination: UnsafeMutableRawPointer,
    parameters: (weights: TensorMemory, bias: TensorMemory)?, scratchpad: UnsafeMutableRawPointer, on engine: Engine
  ) throws(NetworkError)
}

/// What an operation wants its weights to look like.
enum WeightOrder: Equatable {
  case library(TensorLayout)
  /// Those of our own operations.
  case winograd, pointwise, depthwise
}

extension BandShape {
  /// By a fixed rule, so that the same image always gives the same score.
  /// - Parameter rescaling: of an 8-bit convolution.
  func operation(rescaling: Rescaling?, on engine: Engine) throws(NetworkError) -> any BandOperation {
    if let ownOperation { return ownOperation }
    return try PrimitiveOperation(self, rescaling: rescaling, engine: engine)
  }

  /// Bytes of code and tables that are compiled for it, roughly.
  var compiledSize: Int { ownOperation == nil ? primitiveSize : 0 }

  private var ownOperation: (any BandOperation)? {
    PointwiseOperation(self) ?? DepthwiseOperation(self) ?? WinogradOperation(self)
  }
}
