extension RobustnessReport {
  /// A model over all strengths, each counting the same. Every strength sees the same draws, so that intervals of what
  /// changes are no wider than they have to be.
  package struct Means: Sendable {
    package var average: IntervalValues
    /// ``average`` less the first model's; nil for the first model itself.
    package var difference: IntervalValues?
    /// ``average`` less that of the images as they are: below 0 what the transformation costs.
    package var change: IntervalValues
    /// ``change`` less the first model's: above 0 where this model loses less; nil for the first model itself.
    package var changeDifference: IntervalValues?
  }

  static func means(_ points: [Point]) -> [Means]? {
    guard let original = points.first(where: { $0.value == nil })?.report else { return nil }
    let swept = points.filter { $0.value != nil }.map(\.report)
    let common = original.table.common
    guard !swept.isEmpty, swept.allSatisfy({ $0.table.common == common }) else { return nil }
    let samples = original.results.indices.map { model in
      (original: Sample(original, model), mean: Sample(mean: swept.map { Sample($0, model) }))
    }
    let bootstrap = original.bootstrap
    return samples.enumerated().map { index, sample in
      let change = sample.mean - sample.original
      var means = Means(average: sample.mean.interval(bootstrap), change: change.interval(bootstrap))
      if index > 0 {
        means.difference = (sample.mean - samples[0].mean).interval(bootstrap)
        means.changeDifference = (change - (samples[0].mean - samples[0].original)).interval(bootstrap)
      }
      return means
    }
  }
}

/// A value on the images themselves and on each draw of them.
private struct Sample {
  var exact: MetricValues
  var replicates: [MetricValues]

  private init(exact: MetricValues, replicates: [MetricValues]) {
    self.exact = exact
    self.replicates = replicates
  }

  init(_ report: EvaluationReport, _ model: Int) {
    self.init(exact: report.results[model].average.values, replicates: report.results[model].averageReplicates)
  }

  init(mean samples: [Sample]) {
    let count = samples.map(\.replicates.count).min() ?? 0
    self.init(
      exact: .mean(samples.map(\.exact)),
      replicates: (0..<count).map { draw in .mean(samples.map { $0.replicates[draw] }) })
  }

  static func - (one: Sample, other: Sample) -> Sample {
    Sample(exact: one.exact - other.exact, replicates: zip(one.replicates, other.replicates).map { $0 - $1 })
  }

  func interval(_ bootstrap: Bootstrap) -> IntervalValues { bootstrap.intervals(exact, replicates) }
}
