import Datasets
import StayposCore

/// Turns scores into metrics.
///
/// Intervals come from a stratified bootstrap: each generator's fake images and each pool of real ones are drawn again, with
/// replacement, as many as there are. Generators that share real images share the draw, and all models see the same
/// draws, so that their differences mean something.
package struct Evaluator {
  private let table: ScoreTable
  private let plan: ComparisonPlan
  private let bootstrap: Bootstrap

  /// Of the images that all models have scored.
  package init(_ table: ScoreTable, _ bootstrap: Bootstrap) {
    self.table = table
    plan = ComparisonPlan(table.images, kept: table.common)
    self.bootstrap = bootstrap
  }

  /// One for each column.
  package func results() -> [EvaluationResult] {
    let draws = Draws(plan)
    let rankings = table.columns.map { Rankings($0, plan) }
    let exact = rankings.map { $0.metrics(nil) }
    var replicates = table.columns.map { _ in [Rankings.Metrics]() }
    var generator = SplitMix64(seed: bootstrap.seed)
    for _ in 0..<bootstrap.replicates {
      let draw = draws.next(using: &generator)
      for (index, ranking) in rankings.enumerated() { replicates[index].append(ranking.metrics(draw)) }
    }
    return table.columns.indices.map { index in
      var result = result(table.columns[index], exact[index], replicates[index])
      guard index > 0 else { return result }
      func difference(_ values: (Rankings.Metrics) -> MetricValues) -> IntervalValues {
        bootstrap.intervals(
          values(exact[index]) - values(exact[0]),
          zip(replicates[index], replicates[0]).map { values($0) - values($1) })
      }
      result.difference = difference { .mean($0.rows) }
      for row in result.rows.indices { result.rows[row].difference = difference { $0.rows[row] } }
      result.pooled.difference = difference(\.pooled)
      return result
    }
  }

  private func result(
    _ column: ScoreTable.Column, _ exact: Rankings.Metrics, _ replicates: [Rankings.Metrics]
  ) -> EvaluationResult {
    let rows = plan.comparisons.enumerated().map { index, comparison in
      EvaluationResult.Row(
        name: comparison.name, fakes: comparison.fakes.count,
        reals: comparison.pools.reduce(0) { $0 + plan.pools[$1].count },
        metrics: bootstrap.intervals(exact.rows[index], replicates.map { $0.rows[index] }))
    }
    let pooled = EvaluationResult.Row(
      name: "all", fakes: plan.comparisons.reduce(0) { $0 + $1.fakes.count },
      reals: plan.pools.reduce(0) { $0 + $1.count },
      metrics: bootstrap.intervals(exact.pooled, replicates.map(\.pooled)))
    let averages = replicates.map { MetricValues.mean($0.rows) }
    return EvaluationResult(
      column: column, rows: rows, average: bootstrap.intervals(.mean(exact.rows), averages),
      averageReplicates: averages,
      pooled: pooled, reals: realRows(column))
  }

  private func realRows(_ column: ScoreTable.Column) -> [EvaluationResult.RealRow] {
    let kinds = Dictionary(grouping: plan.pools.joined()) { table.images[$0].kind }
    return kinds.sorted { $0.key < $1.key }.map { name, places in
      let logits = places.compactMap { column.outcomes[$0].logit }.sorted()
      let flagged = logits.count { column.threshold.flags(logit: $0) }
      return EvaluationResult.RealRow(
        name: name, count: logits.count, falsePositiveRate: Double(flagged) / Double(logits.count),
        medianLogit: Quantile.of(logits, 0.5))
    }
  }
}

extension LabelledImage {
  /// What it is counted under among its like: source, else group, else label.
  package var kind: String { source ?? group ?? "\(label)" }
}

/// How often each image counts in one bootstrap sample.
private struct Draws {
  /// Parallel to the plan's comparisons and pools.
  struct Draw {
    var fakes: [[Int]]
    var pools: [[Int]]
  }

  private let fakes: [Int]
  private let pools: [Int]

  init(_ plan: ComparisonPlan) {
    fakes = plan.comparisons.map(\.fakes.count)
    pools = plan.pools.map(\.count)
  }

  func next(using generator: inout SplitMix64) -> Draw {
    func draw(_ count: Int) -> [Int] {
      var counts = [Int](repeating: 0, count: count)
      for _ in 0..<count { counts[generator.nextIndex(below: count)] += 1 }
      return counts
    }
    return Draw(fakes: fakes.map(draw), pools: pools.map(draw))
  }
}

/// One model's scores, sorted for each comparison and for all of them together.
private struct Rankings {
  struct Metrics {
    var rows: [MetricValues]
    var pooled: MetricValues
  }

  private let plan: ComparisonPlan
  private let rows: [RankedScores]
  private let pooled: RankedScores

  init(_ column: ScoreTable.Column, _ plan: ComparisonPlan) {
    self.plan = plan
    func logits(_ places: some Sequence<Int>) -> [Double] { places.compactMap { column.outcomes[$0].logit } }
    rows = plan.comparisons.map { comparison in
      RankedScores(
        fakes: logits(comparison.fakes), reals: logits(comparison.pools.flatMap { plan.pools[$0] }),
        threshold: column.threshold)
    }
    pooled = RankedScores(
      fakes: logits(plan.comparisons.flatMap(\.fakes)), reals: logits(plan.pools.joined()),
      threshold: column.threshold)
  }

  /// - Parameter draw: nil: each image once.
  func metrics(_ draw: Draws.Draw?) -> Metrics {
    guard let draw else { return Metrics(rows: rows.map(\.metrics), pooled: pooled.metrics) }
    return Metrics(
      rows: rows.indices.map { index in
        rows[index].metrics(
          RankedScores.Weights(
            fakes: draw.fakes[index], reals: plan.comparisons[index].pools.flatMap { draw.pools[$0] }))
      },
      pooled: pooled.metrics(
        RankedScores.Weights(fakes: draw.fakes.flatMap { $0 }, reals: draw.pools.flatMap { $0 })))
  }
}
