import StayposCore

/// A threshold that calls a wished share of real images generated, and how sure that is. Nothing is assumed of how the
/// scores are distributed, only that the images are a fair sample of those to come.
package struct OperatingPoint: Sendable, Equatable {
  package let threshold: Threshold
  /// Between the same two images, as a logit.
  package let logit: Double
  package let images: Int
  /// Of the images, those that it flags.
  package let flagged: Int
  /// Where the false-positive rate on images to come lies with ``confidence``. The threshold lies between two order
  /// statistics of the scores, and the share beyond each of them follows a beta distribution: together they give Clopper's
  /// and Pearson's interval.
  package let falsePositiveRate: BinomialInterval
  /// Between which probabilities the exact threshold for the wished rate lies with ``confidence``: order statistics again.
  /// 0 and 1 where the images are too few to say.
  package let thresholdInterval: ClosedRange<Double>
  package let confidence: Double

  /// - Parameters:
  ///   - logits: of real images; at least one, all finite.
  ///   - rate: wished, 0..<1.
  ///   - isGuaranteed: take the lowest threshold whose rate is at most the wished one with ``confidence``, instead of the
  ///     one whose rate among these images is. Nil if the images are too few for that, or if too many of their
  ///     probabilities are rounded to 1.
  package init?(
    logits: [Double], falsePositiveRate rate: Double, confidence: Double = 0.95, isGuaranteed: Bool = false
  ) {
    precondition(!logits.isEmpty && (0..<1).contains(rate))
    let sorted = logits.sorted()
    let count = sorted.count
    var allowed = Int((rate * Double(count)).rounded(.down))
    if isGuaranteed {
      let unsure = Self.first(in: 0...allowed + 1) { flagged in
        BinomialInterval.upperBound(successes: min(flagged, count), trials: count, confidence: confidence) > rate
      }
      guard unsure > 0 else { return nil }
      allowed = unsure - 1
    }
    // Among equal scores all are flagged or none: what is compared are probabilities, which are equal sooner.
    let probabilities = sorted.map(Self.probability)
    var flagged = allowed
    while flagged > 0, flagged < count, probabilities[count - flagged] == probabilities[count - flagged - 1] {
      flagged -= 1
    }
    if flagged == count { flagged = count - 1 }
    let below = sorted[count - flagged - 1]
    let above = flagged == 0 ? below + 1 : sorted[count - flagged]
    let logit = below + (above - below) / 2
    // The middle may be rounded to the lower one of the two.
    let value = max(Self.probability(logit), probabilities[count - flagged - 1].nextUp)
    guard let threshold = Threshold(min(value, 1)) else { return nil }
    self.threshold = threshold
    self.logit = logit
    self.confidence = confidence
    images = count
    // More than wished where probabilities of 1 cannot be told apart.
    self.flagged = probabilities.count { $0 >= threshold.value }
    if isGuaranteed, self.flagged > allowed { return nil }
    falsePositiveRate = BinomialInterval(successes: self.flagged, trials: count, confidence: confidence)
    thresholdInterval = Self.interval(sorted, rate: rate, confidence: confidence)
  }

  /// Ranks that the (1 − rate) quantile lies between: how many of the images are below it is binomial.
  private static func interval(_ sorted: [Double], rate: Double, confidence: Double) -> ClosedRange<Double> {
    let count = sorted.count
    let tail = (1 - confidence) / 2
    /// P(at most `number` of the images are above the quantile)
    func atMost(_ number: Int) -> Double {
      if number >= count { return 1 }
      return number < 0 || rate == 0
        ? (number < 0 ? 0 : 1)
        : 1 - BinomialInterval.distribution(rate, a: Double(number) + 1, b: Double(count - number))
    }
    // The quantile is above the image with `few` above it unless so few are above the quantile.
    let few = first(in: 0...count) { atMost($0) > tail }
    let many = first(in: 0...count) { 1 - atMost($0) <= tail }
    let upper = few == 0 ? 1 : probability(sorted[count - few])
    let lower = many >= count ? 0 : probability(sorted[count - many - 1])
    return min(lower, upper)...max(lower, upper)
  }

  /// Where a condition begins to hold that goes on holding, or the end.
  private static func first(in range: ClosedRange<Int>, where holds: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  static func probability(_ logit: Double) -> Double {
    Score(realScore: 0, fakeScore: 0, bias: logit).probability
  }
}
