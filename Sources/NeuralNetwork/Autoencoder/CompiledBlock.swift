/// An ``AutoencoderBlock`` with its operations. It works in place where it can.
final class CompiledBlock {
  private let convolutions: [WholeConvolution]
  private let last: WholeConvolution
  private let skip: WholeConvolution?
  private let pool: (expansion: WholeConvolution, normalization: GroupNormalization, projection: WholeConvolution)?

  init(_ block: AutoencoderBlock, engine: Engine) throws(NetworkError) {
    var convolutions: [WholeConvolution] = []
    for convolution in block.convolutions {
      convolutions.append(try WholeConvolution(convolution, activation: .relu, engine: engine))
    }
    last = convolutions.removeLast()
    self.convolutions = convolutions
    if let skip = block.skip { self.skip = try WholeConvolution(skip, engine: engine) } else { skip = nil }
    if let pool = block.pool {
      self.pool = (
        try WholeConvolution(pool.expansion, engine: engine), pool.normalization,
        try WholeConvolution(pool.projection, engine: engine)
      )
    } else {
      pool = nil
    }
  }

  func callAsFunction(_ map: FeatureMap) throws(NetworkError) -> FeatureMap {
    if let pool {
      let branch = try pool.expansion(map)
      branch.normalize(pool.normalization)
      try pool.projection.run(branch, into: map, adding: true)
    }
    var branch = try convolutions[0](map)
    for convolution in convolutions.dropFirst() { branch = try convolution(branch) }
    let target = if let skip { try skip(map) } else { map }
    try last.run(branch, into: target, adding: true)
    return target
  }
}
