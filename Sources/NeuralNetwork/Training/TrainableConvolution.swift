/// A convolution's weights and those of the BatchNorm behind it, as they are trained.
package struct ConvolutionState: Sendable, Equatable {
  /// (O, I/groups, k, k)
  package var weights: [Float]
  /// One per output channel each.
  package var gamma: [Float]
  package var beta: [Float]
  package var mean: [Float]
  package var variance: [Float]

  package init(weights: [Float], gamma: [Float], beta: [Float], mean: [Float], variance: [Float]) {
    (self.weights, self.gamma, self.beta, self.mean, self.variance) = (weights, gamma, beta, mean, variance)
  }
}

/// The derivatives of a loss by what is trained of a convolution; or Adam's running means of them.
package struct ConvolutionGradient: Sendable, Equatable {
  package var weights: [Float]
  package var gamma: [Float]
  package var beta: [Float]

  package init(weights: [Float], gamma: [Float], beta: [Float]) {
    (self.weights, self.gamma, self.beta) = (weights, gamma, beta)
  }
}

/// Memory for all of it.
final class TrainableConvolution {
  let convolution: Convolution
  let weights: TrainableTensor
  /// γ of all channels, then β of all.
  let scaleShift: TrainableTensor
  let mean: AlignedBuffer
  let variance: AlignedBuffer

  private var channels: Int { convolution.outputChannels }

  init(_ convolution: Convolution, _ state: ConvolutionState) throws(NetworkError) {
    let channels = convolution.outputChannels
    guard state.weights.count == convolution.weightCount,
      [state.gamma, state.beta, state.mean, state.variance].allSatisfy({ $0.count == channels })
    else {
      throw NetworkError(
        .badParameters, "a convolution of shape \(convolution.weightShape) got parameters of another shape")
    }
    self.convolution = convolution
    weights = try TrainableTensor(state.weights)
    scaleShift = try TrainableTensor(state.gamma + state.beta)
    mean = try AlignedBuffer(copying: state.mean)
    variance = try AlignedBuffer(copying: state.variance)
  }

  var state: ConvolutionState {
    get {
      let both = scaleShift.values.floats(2 * channels)
      return ConvolutionState(
        weights: weights.values.floats(weights.count), gamma: Array(both[..<channels]), beta: Array(both[channels...]),
        mean: mean.floats(channels), variance: variance.floats(channels))
    }
    set {
      weights.values.copy(newValue.weights)
      scaleShift.values.copy(newValue.gamma + newValue.beta)
      mean.copy(newValue.mean)
      variance.copy(newValue.variance)
    }
  }

  func gradient(_ buffer: KeyPath<TrainableTensor, AlignedBuffer>) -> ConvolutionGradient {
    let both = scaleShift[keyPath: buffer].floats(2 * channels)
    return ConvolutionGradient(
      weights: weights[keyPath: buffer].floats(weights.count), gamma: Array(both[..<channels]),
      beta: Array(both[channels...]))
  }

  func restore(_ moments: (first: ConvolutionGradient, second: ConvolutionGradient)) {
    weights.first.copy(moments.first.weights)
    weights.second.copy(moments.second.weights)
    scaleShift.first.copy(moments.first.gamma + moments.first.beta)
    scaleShift.second.copy(moments.second.gamma + moments.second.beta)
  }

  /// Moves the running statistics a tenth of the way to a batch's (PyTorch's momentum 0.1).
  /// - Parameters:
  ///   - batchVariance: with the number of values as its divisor.
  ///   - count: values of each channel in the batch.
  func follow(mean batchMean: AlignedBuffer, variance batchVariance: AlignedBuffer, count: Int) {
    let momentum: Float = 0.1
    let unbiased = Float(count) / Float(max(count - 1, 1))
    let (means, variances) = (mean.floatPointer, variance.floatPointer)
    for channel in 0..<channels {
      means[channel] += momentum * (batchMean.floatPointer[channel] - means[channel])
      variances[channel] += momentum * (unbiased * batchVariance.floatPointer[channel] - variances[channel])
    }
  }
}

/// Numbers that are trained, their gradient, and Adam's running means.
final class TrainableTensor {
  let count: Int
  let values: AlignedBuffer
  let gradient: AlignedBuffer
  let first: AlignedBuffer
  let second: AlignedBuffer

  init(_ initial: [Float]) throws(NetworkError) {
    count = initial.count
    values = try AlignedBuffer(copying: initial)
    gradient = try AlignedBuffer(copying: [Float](repeating: 0, count: count))
    first = try AlignedBuffer(copying: [Float](repeating: 0, count: count))
    second = try AlignedBuffer(copying: [Float](repeating: 0, count: count))
  }

  /// Adam (Kingma and Ba 2015), as PyTorch computes it.
  /// - Parameter step: from 1 on.
  func update(rate: Double, step: Int, momentum: (first: Double, second: Double), epsilon: Double) {
    let (b1, b2) = (Float(momentum.first), Float(momentum.second))
    let size = Float(rate / (1 - power(momentum.first, step)))
    let correction = Float((1 - power(momentum.second, step)).squareRoot())
    let small = Float(epsilon)
    let (value, slope, m, v) = (
      values.floatPointer, gradient.floatPointer, first.floatPointer, second.floatPointer
    )
    for index in 0..<count {
      let g = slope[index]
      m[index] = b1 * m[index] + (1 - b1) * g
      v[index] = b2 * v[index] + (1 - b2) * g * g
      value[index] -= size * m[index] / (v[index].squareRoot() / correction + small)
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, base, exponent) = (1.0, base, exponent)
    while exponent > 0 {
      if exponent & 1 == 1 { result *= base }
      base *= base
      exponent >>= 1
    }
    return result
  }
}

extension AlignedBuffer {
  var floatPointer: UnsafeMutablePointer<Float> { address.assumingMemoryBound(to: Float.self) }

  func floats(_ count: Int) -> [Float] {
    Array(UnsafeBufferPointer(start: floatPointer, count: count))
  }

  func copy(_ values: [Float]) {
    precondition(values.count * MemoryLayout<Float>.stride <= max(size, 64))
    values.withUnsafeBytes {
      address.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(address), byteCount: $0.count)
    }
  }
}
