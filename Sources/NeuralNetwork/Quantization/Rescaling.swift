/// How the sums of an 8-bit convolution become its result.
struct Rescaling {
  /// Of each output channel: what a sum of products is multiplied with.
  var scales: [Float]
  /// The residual's numbers, and what they are multiplied with; nil without a residual.
  var residual: (type: DataType, scale: Float)?

  /// - Parameter residual: nil without one.
  init(weightSteps: [Float], source: Encoding, residual: Encoding?, destination: Encoding) {
    scales = weightSteps.map { $0 * source.step / destination.step }
    // An fp32 destination holds the residual in fp32 too.
    self.residual = residual.map { residual in
      destination.type == .fp32 ? (.fp32, 1) : (residual.type, residual.step / destination.step)
    }
  }
}
