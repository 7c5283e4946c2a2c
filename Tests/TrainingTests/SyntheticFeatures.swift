import Glibc
import TestSupport
import Training

/// Features like a network's: never negative, of very different sizes, correlated, many of them zero; labels from a noisy
/// linear rule, so that the classes overlap.
struct SyntheticFeatures {
  var values: [Float] = []
  var labels: [Float] = []
  let columns: Int

  init(rows: Int, columns: Int, seed: UInt64) {
    self.columns = columns
    var random = SeededGenerator(seed: seed)
    func normal() -> Double {
      (-2 * log(Double.random(in: 0x1p-53..<1, using: &random))).squareRoot()
        * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
    }
    let latent = max(2, columns / 8)
    let mixing = (0..<columns * latent).map { _ in normal() / Double(latent).squareRoot() }
    let scales = (0..<columns).map { _ in exp(1.5 * normal() - 1) }
    let rule = (0..<latent).map { _ in normal() }
    for _ in 0..<rows {
      let factors = (0..<latent).map { _ in normal() }
      for column in 0..<columns {
        var value = 0.3 * normal()
        for index in 0..<latent { value += mixing[column * latent + index] * factors[index] }
        values.append(Float(max(value, 0) * scales[column]))
      }
      let score = zip(rule, factors).reduce(0) { $0 + $1.0 * $1.1 } / Double(latent).squareRoot()
      labels.append(score + 0.7 * normal() > 0.2 ? 1 : 0)
    }
  }

  var table: FeatureTable { FeatureTable(values, columns: columns) }

  var samples: LabelledRows {
    var samples = LabelledRows()
    for (row, label) in labels.enumerated() { samples.append(row, isGenerated: label == 1) }
    return samples
  }
}
