import CLogisticRegression
import Glibc

/// How a head does on labelled rows.
package struct HeadMetrics: Sendable, Equatable, Codable {
  package var generated: Int
  package var real: Int
  /// Mean binary cross-entropy, by the rows' weights.
  package var loss: Double
  /// At probability 0.5.
  package var balancedAccuracy: Double
  /// Shares of the real images that are called generated, and of the generated ones that are called real.
  package var falsePositiveRate: Double
  package var falseNegativeRate: Double

  package init(_ model: LinearModel, on table: FeatureTable, _ samples: LabelledRows, threads: Int) {
    self.init(margins: Self.margins(of: model, on: table, samples, threads: threads), samples)
  }

  init(margins: [Double], _ samples: LabelledRows) {
    generated = samples.generatedCount
    real = samples.realCount
    loss = Self.loss(of: margins, samples)
    var (missed, alarms) = (0, 0)
    for (margin, label) in zip(margins, samples.labels) {
      if label == 1, margin < 0 { missed += 1 }
      if label == 0, margin >= 0 { alarms += 1 }
    }
    falsePositiveRate = real == 0 ? 0 : Double(alarms) / Double(real)
    falseNegativeRate = generated == 0 ? 0 : Double(missed) / Double(generated)
    balancedAccuracy = 1 - (falsePositiveRate + falseNegativeRate) / 2
  }

  /// Whether a head like this is rather kept: by its balanced accuracy, and where that is the same, as it often is on few
  /// images, by its loss.
  func isBetter(than other: HeadMetrics) -> Bool {
    (balancedAccuracy, -loss) > (other.balancedAccuracy, -other.loss)
  }

  /// The logits of rows.
  package static func margins(
    of model: LinearModel, on table: FeatureTable, _ samples: LabelledRows, threads: Int
  ) -> [Double] {
    precondition(model.weights.count == table.columns)
    var margins = [Double](repeating: 0, count: samples.count)
    table.withRows(samples.rows[...], threads: threads) { table in
      var table = table
      logreg_margins(&table, model.weights, Double(model.bias), &margins)
    }
    return margins
  }

  static func loss(of margins: [Double], _ samples: LabelledRows) -> Double {
    var (sum, total) = (0.0, 0.0)
    for index in margins.indices {
      let (z, weight) = (margins[index], Double(samples.weights[index]))
      sum += weight * (max(z, 0) + log1p(exp(-z.magnitude)) - Double(samples.labels[index]) * z)
      total += weight
    }
    return sum / total
  }
}
