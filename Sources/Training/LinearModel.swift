/// A head while it is trained.
package struct LinearModel: Sendable, Equatable {
  package var weights: [Float]
  package var bias: Float

  package init(weights: [Float], bias: Float) {
    self.weights = weights
    self.bias = bias
  }

  /// Weights below zero become zero.
  package var clamped: LinearModel { LinearModel(weights: weights.map { max($0, 0) }, bias: bias) }
}

/// One point of a training's curve.
package struct TrainingStep: Sendable, Equatable, Codable {
  /// From 0 on: of an epoch, or of a Newton step.
  package var index: Int
  /// Mean over the training rows; with minibatches, as they came along in the epoch.
  package var loss: Double
  package var validationLoss: Double?
  package var validationBalancedAccuracy: Double?
  /// Only with Adam.
  package var learningRate: Double?
  /// Since the beginning.
  package var seconds: Double
}

/// What an optimizer reached.
package struct OptimizerResult: Sendable {
  package var model: LinearModel
  package var steps: [TrainingStep]
  /// Whether it ended by itself, not at its limit of steps.
  package var hasConverged: Bool
  /// All that it took, what came after the last step included.
  package var seconds: Double
}
