import NeuralNetwork

/// How pixels become the network's input: (value / 255 − mean) / std for each of R, G, B, and perhaps what remains of that
/// less a neighbour's.
package struct Preprocessing: Hashable, Sendable, Codable {
  package var mean: [Double]
  package var std: [Double]
  /// nil: the pixels themselves.
  package var residual: Residual?

  package enum Residual: String, Hashable, Sendable, Codable {
    /// Less the upper left pixel of each block of 2×2.
    case nearest
  }

  package init(mean: [Double], std: [Double], residual: Residual? = nil) {
    self.mean = mean
    self.std = std
    self.residual = residual
  }

  /// Of ImageNet's images: what most published networks are trained with.
  package static let imageNet = Preprocessing(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])

  var problem: String? {
    if mean.count != 3 || std.count != 3 { return "mean and std need three values each" }
    if !mean.allSatisfy(\.isFinite) || !std.allSatisfy({ $0.isFinite && $0 > 0 }) {
      return "mean has to be finite, std finite and above 0"
    }
    return nil
  }

  package var normalization: PixelNormalization {
    PixelNormalization(mean: mean, standardDeviation: std, takesResidual: residual != nil)
  }
}
