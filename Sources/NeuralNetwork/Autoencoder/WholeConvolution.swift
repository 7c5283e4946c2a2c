import COneDNN

/// A convolution over whole feature maps, compiled for one size at a time.
final class WholeConvolution {
  private let convolution: Convolution
  private let layer: Layer
  private let engine: Engine
  private var compiled: (shape: BandShape, operation: any BandOperation, scratchpad: AlignedBuffer)?

  init(_ parameterized: ParameterizedConvolution, activation: Activation = .none, engine: Engine) throws(NetworkError) {
    var convolution = parameterized.convolution
    convolution.activation = activation
    self.convolution = convolution
    self.engine = engine
    layer = try Layer(convolution, parameterized.parameters, source: .fp32, engine: engine)
  }

  func callAsFunction(_ source: FeatureMap) throws(NetworkError) -> FeatureMap {
    let target = try FeatureMap(
      height: convolution.window.outputLength(source.height), width: convolution.window.outputLength(source.width),
      channels: convolution.outputChannels)
    try run(source, into: target, adding: false)
    return target
  }

  /// - Parameter adding: to what the target holds, before the activation.
  func run(_ source: FeatureMap, into target: FeatureMap, adding: Bool) throws(NetworkError) {
    let window = convolution.window
    precondition(source.channels == convolution.inputChannels && target.channels == convolution.outputChannels)
    precondition(target.height == window.outputLength(source.height))
    precondition(target.width == window.outputLength(source.width))
    let shape = BandShape(
      operation: .convolution(convolution, adding: adding), layer: nil, sourceType: .fp32, destinationType: .fp32,
      width: source.width, rows: target.height, threads: Int(omp_get_max_threads()))
    if compiled?.shape != shape {
      let operation = try shape.operation(rescaling: nil, on: engine)
      compiled = (shape, operation, try AlignedBuffer(size: operation.scratchpadSize))
    }
    guard let compiled else { preconditionFailure("it has just been compiled") }
    try compiled.operation.run(
      from: source.address(padding: window.padding.before), to: target.address(padding: 0),
      parameters: (try layer.weights(compiled.operation.weights, engine: engine), layer.bias),
      scratchpad: compiled.scratchpad.address, on: engine)
  }
}
