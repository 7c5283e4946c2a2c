import StayposCore

/// The scores of real and fake images, highest first, equal ones together: sorted once, they give the metrics of the
/// images themselves and of every bootstrap sample of them.
package struct RankedScores: Sendable {
  /// Images of one class with one score.
  private struct Tie {
    var score: Double
    var isFlagged: Bool
    /// In ``fakes``.
    var fakes: Range<Int>
    var reals: Range<Int>
  }

  private let ties: [Tie]
  /// Places in what was given, in the order of the scores.
  private let fakes: [Int]
  private let reals: [Int]

  /// - Parameters:
  ///   - fakes: logits; higher speaks for a generated image. Finite.
  ///   - threshold: of the probability, for the metrics that need one.
  package init(fakes: [Double], reals: [Double], threshold: Threshold) {
    precondition((fakes + reals).allSatisfy { !$0.isNaN }, "a score that is no number")
    let (fakeOrder, realOrder) = (Self.order(fakes), Self.order(reals))
    var ties: [Tie] = []
    var (fake, real) = (0, 0)
    while fake < fakes.count || real < reals.count {
      let score = max(
        fake < fakes.count ? fakes[fakeOrder[fake]] : -.infinity,
        real < reals.count ? reals[realOrder[real]] : -.infinity)
      let (fakeStart, realStart) = (fake, real)
      while fake < fakes.count, fakes[fakeOrder[fake]] == score { fake += 1 }
      while real < reals.count, reals[realOrder[real]] == score { real += 1 }
      ties.append(
        Tie(
          score: score, isFlagged: threshold.flags(logit: score), fakes: fakeStart..<fake, reals: realStart..<real))
    }
    self.ties = ties
    self.fakes = fakeOrder
    self.reals = realOrder
  }

  private static func order(_ scores: [Double]) -> [Int] {
    scores.indices.sorted { scores[$0] > scores[$1] }
  }

  /// How often an image counts.
  package struct Weights {
    /// In the order in which the scores were given.
    var fakes: [Int]
    var reals: [Int]
  }

  package var metrics: MetricValues {
    metrics(
      fakeCount: { $0.count }, realCount: { $0.count }, totals: (fakes.count, reals.count))
  }

  /// - Parameter weights: as many as there are images.
  package func metrics(_ weights: Weights) -> MetricValues {
    metrics(
      fakeCount: { range in range.reduce(0) { $0 + weights.fakes[fakes[$1]] } },
      realCount: { range in range.reduce(0) { $0 + weights.reals[reals[$1]] } },
      totals: (weights.fakes.reduce(0, +), weights.reals.reduce(0, +)))
  }

  private func metrics(
    fakeCount: (Range<Int>) -> Int, realCount: (Range<Int>) -> Int, totals: (fakes: Int, reals: Int)
  ) -> MetricValues {
    var (found, alarms) = (0, 0)
    var (foundAtThreshold, alarmsAtThreshold) = (0, 0)
    var averagePrecision = 0.0
    // Twice the number of pairs in the right order.
    var pairs = 0
    var mostCorrect = totals.reals
    var detection = Metric.falseAlarmRates.map { _ in 0 }
    for tie in ties {
      let (hits, misses) = (fakeCount(tie.fakes), realCount(tie.reals))
      guard hits + misses > 0 else { continue }
      pairs += misses * (2 * found + hits)
      found += hits
      alarms += misses
      if hits > 0 { averagePrecision += Double(hits) / Double(totals.fakes) * Double(found) / Double(found + alarms) }
      mostCorrect = max(mostCorrect, found + totals.reals - alarms)
      for (index, limit) in Metric.falseAlarmRates.enumerated()
      where Double(alarms) / Double(totals.reals) <= limit.rate {
        detection[index] = found
      }
      if tie.isFlagged { (foundAtThreshold, alarmsAtThreshold) = (found, alarms) }
    }
    let (fakes, reals) = (Double(totals.fakes), Double(totals.reals))
    var values = MetricValues()
    if totals.fakes + totals.reals > 0 {
      values[.accuracy] = Double(foundAtThreshold + totals.reals - alarmsAtThreshold) / (fakes + reals)
      values[.oracleAccuracy] = Double(mostCorrect) / (fakes + reals)
    }
    if totals.reals > 0 { values[.falsePositiveRate] = Double(alarmsAtThreshold) / reals }
    if totals.fakes > 0 { values[.falseNegativeRate] = Double(totals.fakes - foundAtThreshold) / fakes }
    guard totals.fakes > 0, totals.reals > 0 else { return values }
    values[.averagePrecision] = averagePrecision
    values[.rocAUC] = Double(pairs) / (2 * fakes * reals)
    values[.balancedAccuracy] =
      (Double(foundAtThreshold) / fakes + Double(totals.reals - alarmsAtThreshold) / reals) / 2
    for (index, limit) in Metric.falseAlarmRates.enumerated() {
      values[limit.metric] = Double(detection[index]) / fakes
    }
    return values
  }

  /// From (0, 0) to (1, 1): the shares of real and of fake images that each threshold flags.
  package var roc: [(falsePositiveRate: Double, truePositiveRate: Double)] {
    [(0, 0)]
      + ties.map { tie in
        (Double(tie.reals.upperBound) / Double(reals.count), Double(tie.fakes.upperBound) / Double(fakes.count))
      }
  }

  /// From the highest threshold to the lowest.
  package var precisionRecall: [(recall: Double, precision: Double)] {
    ties.map { tie in
      let (found, alarms) = (Double(tie.fakes.upperBound), Double(tie.reals.upperBound))
      return (found / Double(fakes.count), found / (found + alarms))
    }
  }
}

extension Threshold {
  /// The verdict on a score of which only the logit is known.
  package func flags(logit: Double) -> Bool {
    verdict(on: Score(realScore: 0, fakeScore: logit, bias: 0)) == .flagged
  }
}
