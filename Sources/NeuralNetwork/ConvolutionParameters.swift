/// A convolution's weights (O, I/groups, k, k) and bias (O).
package struct ConvolutionParameters: Sendable {
  package var weights: [Float]
  package var bias: [Float]

  package init(weights: [Float], bias: [Float]) {
    self.weights = weights
    self.bias = bias
  }

  /// A convolution without bias and the BatchNorm behind it as one convolution; computed in Double.
  package init(weights: [Float], folding normalization: BatchNormalization) throws(NetworkError) {
    let (scale, shift) = try normalization.affine()
    guard !scale.isEmpty, weights.count.isMultiple(of: scale.count) else {
      throw NetworkError(.badParameters, "\(weights.count) weights do not divide into \(scale.count) channels")
    }
    let perChannel = weights.count / scale.count
    var largestExponent: UInt32 = 0
    self.weights = [Float](unsafeUninitializedCapacity: weights.count) { target, count in
      weights.withUnsafeBufferPointer { source in
        var index = 0
        for channel in scale {
          let end = index + perChannel
          while index < end {
            let value = Float(Double(source[index]) * channel)
            target[index] = value
            largestExponent = max(largestExponent, value.bitPattern & Float.infinity.bitPattern)
            index += 1
          }
        }
      }
      count = weights.count
    }
    self.bias = shift.map { Float($0) }
    guard largestExponent < Float.infinity.bitPattern, bias.allSatisfy(\.isFinite) else {
      throw NetworkError(.badParameters, "the weights are not all finite numbers, or become too large")
    }
  }
}

/// BatchNorm as it acts after training: (x − mean) / √(variance + ε) · γ + β, per channel.
package struct BatchNormalization: Sendable {
  package var gamma: [Float]
  package var beta: [Float]
  package var mean: [Float]
  package var variance: [Float]
  package var epsilon: Double

  package init(gamma: [Float], beta: [Float], mean: [Float], variance: [Float], epsilon: Double) {
    self.gamma = gamma
    self.beta = beta
    self.mean = mean
    self.variance = variance
    self.epsilon = epsilon
  }

  /// The same as scale · x + shift.
  func affine() throws(NetworkError) -> (scale: [Double], shift: [Double]) {
    guard gamma.count == beta.count, gamma.count == mean.count, gamma.count == variance.count else {
      throw NetworkError(.badParameters, "BatchNorm's four vectors differ in length")
    }
    guard [gamma, beta, mean, variance].allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
      throw NetworkError(.badParameters, "BatchNorm's values are not all finite numbers")
    }
    var scale: [Double] = []
    var shift: [Double] = []
    for channel in gamma.indices {
      let variance = Double(variance[channel]) + epsilon
      guard variance > 0 else {
        throw NetworkError(.badParameters, "BatchNorm's variance of channel \(channel) is \(self.variance[channel])")
      }
      let factor = Double(gamma[channel]) / variance.squareRoot()
      scale.append(factor)
      shift.append(Double(beta[channel]) - Double(mean[channel]) * factor)
    }
    return (scale, shift)
  }
}
