import StayposCore

/// A linear layer on pooled features. The model file says which one it is.
package enum Head: Sendable, Equatable {
  case positive(PositiveHead)
  case linear(LinearHead)

  /// As in the file.
  package enum Kind: String, Sendable, Codable {
    case positive
    case linear
  }

  static let weightName = "fc.weight"
  static let biasName = "fc.bias"
  static let names: Set<String> = [weightName, biasName]

  package var kind: Kind {
    switch self {
    case .positive: .positive
    case .linear: .linear
    }
  }

  /// One per feature.
  package var weights: [Double] {
    switch self {
    case .positive(let head): head.weights
    case .linear(let head): head.weights
    }
  }

  package var bias: Double {
    switch self {
    case .positive(let head): head.bias
    case .linear(let head): head.bias
    }
  }

  /// - Throws: `negativeWeight` for a positive head that is none, `badValues`.
  package init(_ kind: Kind, weights: [Float], bias: Float) throws(DetectionError) {
    switch kind {
    case .positive: self = .positive(try PositiveHead(weights: weights, bias: bias))
    case .linear: self = .linear(try LinearHead(weights: weights, bias: bias))
    }
  }

  /// - Parameter features: pooled, one per weight.
  package func score(_ features: [Double]) -> Score {
    precondition(features.count == weights.count)
    var real = 0.0
    var fake = 0.0
    for (weight, feature) in zip(weights, features) {
      if weight < 0 { real += weight * feature } else { fake += weight * feature }
    }
    return Score(realScore: real, fakeScore: fake, bias: bias)
  }
}

/// Stay-Positive's head: no weight is below zero, so that no feature can speak for a real image.
package struct PositiveHead: Sendable, Equatable {
  package let weights: [Double]
  package let bias: Double

  package init(weights: [Float], bias: Float) throws(DetectionError) {
    let head = try LinearHead(weights: weights, bias: bias)
    if let index = weights.firstIndex(where: { $0 < 0 }) {
      let count = weights.count { $0 < 0 }
      throw DetectionError(
        .negativeWeight,
        "the model claims a positive head, but \(count) of its \(weights.count) weights are below zero "
          + "(the first: \(weights[index]) at \(index)): train the head again with the positive constraint, or declare "
          + "it \"linear\"")
    }
    self.weights = head.weights
    self.bias = head.bias
  }
}

/// Any other linear head.
package struct LinearHead: Sendable, Equatable {
  package let weights: [Double]
  package let bias: Double

  package init(weights: [Float], bias: Float) throws(DetectionError) {
    guard weights.allSatisfy(\.isFinite), bias.isFinite else {
      throw DetectionError(.badValues, "the head's weights are not all finite numbers: the file is damaged")
    }
    self.weights = weights.map { Double($0) }
    self.bias = Double(bias)
  }
}
