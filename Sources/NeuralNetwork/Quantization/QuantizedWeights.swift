/// A convolution's weights as bytes.
struct QuantizedWeights {
  /// In the order of the convolution's own.
  var bytes: [Int8]
  /// Of each output channel.
  var steps: [Float]

  /// The nearest ones, with a step for each output channel.
  init(_ weights: [Float], channels: Int) {
    let count = weights.count / channels
    bytes = []
    bytes.reserveCapacity(weights.count)
    steps = []
    for channel in 0..<channels {
      let weights = weights[channel * count..<(channel + 1) * count]
      // Channels that BatchNorm has switched off have weights whose inverse would be infinite.
      let step = max(weights.reduce(0) { max($0, $1.magnitude) } / 127, 1e-20)
      steps.append(step)
      for weight in weights { bytes.append(Int8((weight / step).rounded(.toNearestOrEven))) }
    }
  }
}
