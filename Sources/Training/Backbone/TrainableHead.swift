import Glibc

/// A linear layer on pooled features, its loss, and Adam.
package struct TrainableHead: Equatable {
  /// The bias comes last.
  var parameters: [Double]
  var adam: AdamState

  /// Zero, as in Algorithm 1.
  package init(features: Int) {
    parameters = Array(repeating: 0, count: features + 1)
    adam = AdamState(count: features + 1)
  }

  var model: LinearModel {
    LinearModel(weights: parameters.dropLast().map { Float($0) }, bias: Float(parameters[parameters.count - 1]))
  }

  /// - Parameter features: (N, features)
  func logits(_ features: [Float]) -> [Double] {
    let width = parameters.count - 1
    return (0..<features.count / width).map { row in
      var sum = parameters[width]
      for column in 0..<width { sum += parameters[column] * Double(features[row * width + column]) }
      return sum
    }
  }

  /// Mean binary cross-entropy, and its gradient by the parameters and by the features.
  package func loss(
    _ features: [Float], labels: [Float]
  ) -> (loss: Double, parameters: [Double], features: [Float]) {
    let width = parameters.count - 1
    var (loss, own) = (0.0, [Double](repeating: 0, count: width + 1))
    var inputs = [Float](repeating: 0, count: features.count)
    for (row, z) in logits(features).enumerated() {
      let label = Double(labels[row])
      loss += max(z, 0) + log1p(exp(-z.magnitude)) - label * z
      let slope = (1 / (1 + exp(-z)) - label) / Double(labels.count)
      for column in 0..<width {
        own[column] += slope * Double(features[row * width + column])
        inputs[row * width + column] = Float(slope * parameters[column])
      }
      own[width] += slope
    }
    return (loss / Double(labels.count), own, inputs)
  }

  package mutating func step(_ gradient: [Double], rate: Double, clamps: Bool) {
    adam.step(&parameters, gradient, rate: rate, momentum: (0.9, 0.999), epsilon: 1e-8)
    guard clamps else { return }
    for index in 0..<parameters.count - 1 where parameters[index] < 0 { parameters[index] = 0 }
  }
}
