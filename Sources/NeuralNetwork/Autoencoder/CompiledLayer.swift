/// An ``AutoencoderLayer`` with its operations.
enum CompiledLayer {
  case convolution(WholeConvolution)
  case block(CompiledBlock)
  case clamp
  case upsampling

  init(_ layer: AutoencoderLayer, engine: Engine) throws(NetworkError) {
    switch layer {
    case .convolution(let layer):
      self = .convolution(try WholeConvolution(layer, activation: layer.convolution.activation, engine: engine))
    case .block(let block): self = .block(try CompiledBlock(block, engine: engine))
    case .clamp: self = .clamp
    case .upsampling: self = .upsampling
    }
  }

  /// - Parameter map: used up: it may be changed, and may be what is returned.
  func callAsFunction(_ map: FeatureMap) throws(NetworkError) -> FeatureMap {
    switch self {
    case .convolution(let convolution): return try convolution(map)
    case .block(let block): return try block(map)
    case .clamp:
      map.clamp()
      return map
    case .upsampling: return try map.upsampled()
    }
  }
}

extension [AutoencoderLayer] {
  func compiled(on engine: Engine) throws(NetworkError) -> [CompiledLayer] {
    var layers: [CompiledLayer] = []
    for layer in self { layers.append(try CompiledLayer(layer, engine: engine)) }
    return layers
  }
}
