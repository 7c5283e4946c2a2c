import Datasets
import Glibc
import Plotting
import StayposCore

extension EvaluationReport {
  /// A curve for each model, over all images; of a single model also one for each generator, if there are few.
  private func curves(_ points: (RankedScores) -> [(x: Double, y: Double)]) -> [Plot.Series] {
    let plan = ComparisonPlan(table.images, kept: table.common)
    func ranked(_ column: ScoreTable.Column, _ fakes: [Int], _ pools: [Int]) -> RankedScores {
      RankedScores(
        fakes: fakes.compactMap { column.outcomes[$0].logit },
        reals: pools.flatMap { plan.pools[$0] }.compactMap { column.outcomes[$0].logit }, threshold: column.threshold)
    }
    let fakes = plan.comparisons.flatMap(\.fakes)
    guard !fakes.isEmpty, !plan.pools.isEmpty else { return [] }
    let pooled = table.columns.map { column in
      Plot.Series(column.name, points: Self.thinned(points(ranked(column, fakes, Array(plan.pools.indices)))))
    }
    guard let column = table.columns.first, table.columns.count == 1, (2...12).contains(plan.comparisons.count) else {
      return pooled
    }
    let single = plan.comparisons.enumerated().map { index, comparison in
      Plot.Series(
        comparison.name, points: Self.thinned(points(ranked(column, comparison.fakes, comparison.pools))),
        isDashed: index >= Palette.colours.count - 1, colour: index % (Palette.colours.count - 1))
    }
    return single + [Plot.Series("all", points: pooled[0].points, colour: Palette.colours.count - 1)]
  }

  /// Without points that nobody could tell from the one before.
  private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    var kept: [(x: Double, y: Double)] = []
    for (index, point) in points.enumerated() {
      if let last = kept.last, index < points.count - 1, abs(last.x - point.x) + abs(last.y - point.y) < 1e-3 {
        continue
      }
      kept.append(point)
    }
    return kept
  }

  /// Share of the fake images that are found over share of the real ones that are flagged, as SVG.
  package var roc: String {
    Plot(
      title: "ROC", subtitle: "\(dataset): \(summary)", x: Axis("false positive rate", range: 0...1),
      y: Axis("true positive rate", range: 0...1),
      series: curves { ranked in ranked.roc.map { ($0.falsePositiveRate, $0.truePositiveRate) } },
      references: [.line((0, 0), (1, 1))]
    ).svg
  }

  /// Precision over recall, as SVG.
  package var precisionRecall: String {
    let share = Double(count(.fake)) / Double(max(1, count(.fake) + count(.real)))
    return Plot(
      title: "Precision and recall", subtitle: "\(dataset): \(summary)", x: Axis("recall", range: 0...1),
      y: Axis("precision", range: 0...1.005, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1]),
      series: curves { ranked in
        let points = ranked.precisionRecall
        return [(0, points.first?.precision ?? 1)] + points.map { ($0.recall, $0.precision) }
      }, references: [.horizontal(share)]
    ).svg
  }

  /// Scores by kind of real images and by generator, as SVG: above the dashed line an image is flagged.
  /// - Parameter index: of the model.
  package func distributions(_ index: Int) -> String {
    let column = table.columns[index]
    func groups(_ label: Label, colour: Int) -> [ViolinPlot.Group] {
      let images = table.common.filter { table.images[$0].label == label }
      return Dictionary(grouping: images) { table.images[$0].kind }.sorted { $0.key < $1.key }.map { name, places in
        ViolinPlot.Group(name, values: places.compactMap { column.outcomes[$0].logit }, colour: colour)
      }
    }
    let threshold = column.threshold.value
    return ViolinPlot(
      title: "Scores of \(column.name)",
      subtitle: "blue: kinds of real images, orange: generators; dashed: threshold \(threshold.fixed(3))",
      y: Axis("logit"), groups: groups(.real, colour: 0) + groups(.fake, colour: 1),
      references: threshold > 0 && threshold < 1 ? [.horizontal(log(threshold / (1 - threshold)))] : []
    ).svg
  }
}

extension EvaluationReport {
  /// What the bands around the lines are.
  var bandNote: String {
    bootstrap.replicates > 0 ? "; bands: \((100 * bootstrap.confidence).formattedShort) % intervals" : ""
  }
}

extension Axis {
  /// At least ten points, so that chance does not look like much, and none above a hundred.
  /// - Parameter reference: to be seen as well.
  static func percentages(_ label: String, _ series: [Plot.Series], reference: Double? = nil) -> Axis {
    let drawn = series.flatMap { $0.points.map(\.y) + $0.band.flatMap { [$0.lower, $0.upper] } }.filter(\.isFinite)
    let values = drawn + (reference.map { [$0] } ?? [])
    guard let least = values.min(), let greatest = values.max() else { return Axis(label) }
    guard greatest - least < 10 else {
      // What the series need, an axis finds by itself.
      guard values.count > drawn.count else { return Axis(label) }
      let margin = (greatest - least) * 0.04
      return Axis(label, range: least - margin...greatest + margin)
    }
    let top = min((least + greatest) / 2 + 5, 100)
    return Axis(label, range: top - 10.2...top + 0.2)
  }
}
