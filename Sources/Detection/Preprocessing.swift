import NeuralNetwork

/// How pixels become the network's input: (value / 255 − mean) / std for each of R, G, B.
package struct Preprocessing: Hashable, Sendable, Codable {
  package var mean: [Double]
  package var std: [Double]

  package init(mean: [Double], std: [Double]) {
    self.mean = mean
    self.std = std
  }

  var problem: String? {
    if mean.count != 3 || std.count != 3 { return "mean and std need three values each" }
    if !mean.allSatisfy(\.isFinite) || !std.allSatisfy({ $0.isFinite && $0 > 0 }) {
      return "mean has to be finite, std finite and above 0"
    }
    return nil
  }

  var normalization: PixelNormalization { PixelNormalization(mean: mean, standardDeviation: std) }
}
