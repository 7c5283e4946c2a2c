import NeuralNetwork

/// How a whole network is trained: the Corvi and Rajan recipe.
package struct BackboneSettings: Sendable, Equatable, Codable {
  package var recipe = AugmentationRecipe()
  /// Crops in a batch, both of a pair counted.
  package var batch = 128
  package var learningRate = 1e-4
  /// By how much the balanced accuracy on the validation images has to grow to count.
  package var improvement = 1e-3
  /// Epochs without an improvement after which the learning rate is divided by ten.
  package var patience = 5
  package var leastLearningRate = 1e-6
  package var epochLimit = 1_000
  /// Ablation of the Stay-Positive paper: the head's weights are cut at zero after every step.
  package var clampsHead = false
  /// The network stays as it is, and the head alone is trained. BatchNorm's running statistics follow the batches
  /// nevertheless: the official training of the positive head.
  package var trainsHeadAlone = false
  /// The share of a moving average of the weights that a step leaves; validated and kept is the average then. nil: none.
  package var averageDecay: Double?
  package var seed: UInt64 = 0
  package var precision = TrainingPrecision.fp32

  package init() {}
}

/// Of the feature maps and their gradients. Parameters and what is added to them are fp32.
package enum TrainingPrecision: String, Sendable, Codable, CaseIterable {
  case fp32, bf16

  /// As the network calls it.
  package var elements: DataType {
    switch self {
    case .fp32: .fp32
    case .bf16: .bf16
    }
  }
}
