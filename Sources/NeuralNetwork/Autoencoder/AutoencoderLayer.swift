/// A layer of an image autoencoder of TAESD's family (https://github.com/madebyollin/taesd), as data. Layers follow each
/// other; 3×3 windows have a padding of zeros.
package enum AutoencoderLayer: Sendable {
  case convolution(ParameterizedConvolution)
  case block(AutoencoderBlock)
  /// 3 · tanh(x / 3): latents far from all others do no harm.
  case clamp
  /// Every pixel becomes 2×2 of the same.
  case upsampling
}

/// A convolution with its weights.
package struct ParameterizedConvolution: Sendable {
  package var convolution: Convolution
  package var parameters: ConvolutionParameters

  package init(_ convolution: Convolution, _ parameters: ConvolutionParameters) {
    self.convolution = convolution
    self.parameters = parameters
  }
}

/// max(convolutions(x) + skip(x), 0), with ReLU between the convolutions.
package struct AutoencoderBlock: Sendable {
  /// Without activation at the end.
  package var convolutions: [ParameterizedConvolution]
  /// Nil: x itself.
  package var skip: ParameterizedConvolution?
  /// Added to x before all else.
  package var pool: AutoencoderPool?

  package init(
    convolutions: [ParameterizedConvolution], skip: ParameterizedConvolution? = nil, pool: AutoencoderPool? = nil
  ) {
    precondition(convolutions.count > 1)
    self.convolutions = convolutions
    self.skip = skip
    self.pool = pool
  }
}

/// A branch that sees the whole map: 1×1, GroupNorm, ReLU, 1×1.
package struct AutoencoderPool: Sendable {
  package var expansion: ParameterizedConvolution
  package var normalization: GroupNormalization
  package var projection: ParameterizedConvolution

  package init(
    expansion: ParameterizedConvolution, normalization: GroupNormalization, projection: ParameterizedConvolution
  ) {
    self.expansion = expansion
    self.normalization = normalization
    self.projection = projection
  }
}

/// (x − mean) / √(variance + ε) · γ + β, mean and variance over all positions of a group of channels.
package struct GroupNormalization: Sendable {
  package var groups: Int
  package var gamma: [Float]
  package var beta: [Float]
  package var epsilon: Double

  package init(groups: Int, gamma: [Float], beta: [Float], epsilon: Double) {
    precondition(groups > 0 && gamma.count == beta.count && gamma.count.isMultiple(of: groups))
    self.groups = groups
    self.gamma = gamma
    self.beta = beta
    self.epsilon = epsilon
  }
}

extension AutoencoderLayer {
  /// Numbers of parameters' channels that go in and out; nil: any.
  var channels: (input: Int, output: Int)? {
    switch self {
    case .convolution(let layer): (layer.convolution.inputChannels, layer.convolution.outputChannels)
    case .block(let block):
      (block.convolutions[0].convolution.inputChannels, block.convolutions.last?.convolution.outputChannels ?? 0)
    case .clamp, .upsampling: nil
    }
  }
}

extension AutoencoderBlock {
  /// Whether each part takes the channels that it gets, and none changes the size.
  var isConsistent: Bool {
    guard let input = convolutions.first?.convolution.inputChannels,
      let output = convolutions.last?.convolution.outputChannels
    else { return false }
    func leads(_ way: [ParameterizedConvolution], to end: Int) -> Bool {
      var channels = input
      for step in way.map(\.convolution) {
        guard step.inputChannels == channels, step.window.stride == 1 else { return false }
        channels = step.outputChannels
      }
      return channels == end
    }
    guard leads(convolutions, to: output), leads(skip.map { [$0] } ?? [], to: output) else { return false }
    guard let pool else { return true }
    return leads([pool.expansion, pool.projection], to: input)
      && pool.normalization.gamma.count == pool.expansion.convolution.outputChannels
  }
}
