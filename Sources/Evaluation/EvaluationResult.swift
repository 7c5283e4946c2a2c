import Datasets
import StayposCore

/// A model's metrics: for each generator, their mean, and for all images at once.
package struct EvaluationResult: Sendable {
  package struct Row: Sendable {
    /// The generator.
    package var name: String
    package var fakes: Int
    package var reals: Int
    package var metrics: IntervalValues
    /// The metrics less the first model's, on the same draws; nil for the first model itself.
    package var difference: IntervalValues?
  }

  /// Verdicts on one kind of real images.
  package struct RealRow: Sendable {
    package var name: String
    package var count: Int
    package var falsePositiveRate: Double
    package var medianLogit: Double
  }

  package var column: ScoreTable.Column
  package var rows: [Row]
  /// The mean over the generators, each counting the same.
  package var average: IntervalValues
  /// The average of each bootstrap sample, in the order of the draws.
  package var averageReplicates: [MetricValues]
  /// The average less the first model's, on the same draws; nil for the first model itself.
  package var difference: IntervalValues?
  /// All fake images against all real ones.
  package var pooled: Row
  package var reals: [RealRow]
}

/// Metrics with their bootstrap intervals.
package struct IntervalValues: Sendable, Equatable {
  package var values: MetricValues
  package var lower: MetricValues
  package var upper: MetricValues
}

/// How intervals are made.
package struct Bootstrap: Sendable, Equatable {
  /// 0: no intervals.
  package var replicates: Int
  package var confidence: Double
  package var seed: UInt64

  package init(replicates: Int = 1000, confidence: Double = 0.95, seed: UInt64 = 1) {
    self.replicates = replicates
    self.confidence = confidence
    self.seed = seed
  }

  /// Percentiles of the replicates, linear between neighbours; metrics that are not defined have none.
  func intervals(_ values: MetricValues, _ replicates: [MetricValues]) -> IntervalValues {
    var (lower, upper) = (MetricValues(), MetricValues())
    for metric in Metric.allCases where values[metric] != nil {
      let sorted = replicates.compactMap { $0[metric] }.sorted()
      guard !sorted.isEmpty else { continue }
      lower[metric] = Quantile.of(sorted, (1 - confidence) / 2)
      upper[metric] = Quantile.of(sorted, (1 + confidence) / 2)
    }
    return IntervalValues(values: values, lower: lower, upper: upper)
  }
}
