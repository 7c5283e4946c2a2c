import Plotting
import StayposCore
import Training

/// Which share of the images each threshold flags, and where it lies for others of their kind.
struct RatePlot {
  private let plot: Plot

  /// - Parameter logits: of real images; at least one.
  init(_ logits: [Double], at point: OperatingPoint, wished rate: Double, name: String) {
    let sorted = logits.sorted(by: >)
    let least = 0.5 / Double(sorted.count)
    var points: [(x: Double, y: Double)] = []
    var band: [(x: Double, lower: Double, upper: Double)] = []
    for flagged in Self.counts(upTo: sorted.count) {
      let interval = BinomialInterval(successes: flagged, trials: sorted.count, confidence: point.confidence)
      let probability = Score(realScore: 0, fakeScore: 0, bias: sorted[flagged - 1]).probability
      points.append((probability, Double(flagged) / Double(sorted.count)))
      band.append((probability, max(interval.lower, least), interval.upper))
    }
    plot = Plot(
      title: "Real images that \(name) flags",
      subtitle:
        "\(sorted.count) images; shaded: where the rate lies with \((point.confidence * 100).fixed(0)) % confidence; "
        + "dashed: the wished rate and its threshold, \(point.threshold.value.fixed(4))",
      x: Axis("threshold (probability)", range: 0...1),
      y: Axis("share of the images flagged", scale: .logarithmic, range: least...1),
      series: [Plot.Series("rate", points: points.reversed(), band: band.reversed())],
      references: [.vertical(point.threshold.value), .horizontal(max(rate, least))])
  }

  var svg: String { plot.svg }

  /// From one to all; closer together than a line's width there is nothing to see.
  private static func counts(upTo count: Int) -> [Int] {
    var counts: [Int] = []
    var next = 1
    while next < count {
      counts.append(next)
      next = max(next + 1, next + next / 50)
    }
    return counts + [count]
  }
}
