import Plotting

/// A training's course as an SVG picture: losses against the left axis, balanced accuracy against the right one.
package struct LossCurve: Sendable {
  package var title: String
  /// What is counted along the bottom: `epoch` or `step`.
  package var unit: String
  package var steps: [TrainingStep]

  package init(title: String, unit: String, steps: [TrainingStep]) {
    (self.title, self.unit, self.steps) = (title, unit, steps)
  }

  /// Up to so many steps, each of them can be told from the others.
  private static let markedSteps = 40

  /// The picture as text.
  package var svg: String {
    let losses = steps.flatMap { [$0.loss, $0.validationLoss].compactMap(\.self) }.filter(\.isFinite)
    let accuracies = steps.compactMap(\.validationBalancedAccuracy)
    var series = [line("training loss", colour: 0, \.loss)]
    if steps.contains(where: { $0.validationLoss != nil }) {
      series.append(line("validation loss", colour: 1) { $0.validationLoss })
    }
    if !accuracies.isEmpty {
      series.append(line("balanced accuracy", colour: 2, isSecond: true) { $0.validationBalancedAccuracy })
    }
    return Plot(
      title: title, x: Axis(unit, range: 0...Double(max(steps.last?.index ?? 1, 1)), isWhole: true),
      y: Axis("loss", range: 0...max((losses.max() ?? 1) * 1.05, 1e-12)),
      secondY: accuracies.isEmpty
        ? nil : Axis("balanced accuracy", range: min(0.5, accuracies.min() ?? 0.5)...1), series: series
    ).svg
  }

  private func line(
    _ name: String, colour: Int, isSecond: Bool = false, _ value: (TrainingStep) -> Double?
  ) -> Plot.Series {
    Plot.Series(
      name, points: steps.compactMap { step in value(step).map { (Double(step.index), $0) } },
      hasMarkers: steps.count <= Self.markedSteps, isDashed: isSecond, colour: colour, isSecond: isSecond)
  }
}
