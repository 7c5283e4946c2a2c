import Glibc
import StayposCore
import TestSupport
import Testing

@testable import Training

@Suite struct CalibrationTests {
  @Test(
    .enabled(if: SciPyReference.isAvailable, "\(SciPyReference.absence)"),
    arguments: [(0, 10), (1, 100), (3, 7), (10, 10), (17, 5_000), (2_500, 100_000)])
  func intervalsAreSciPys(_ successes: Int, _ trials: Int) throws {
    for confidence in [0.95, 0.8] {
      let expected: [Double] = try SciPyReference.answer(["interval", "\(successes)", "\(trials)", "\(confidence)"])
      let found = BinomialInterval(successes: successes, trials: trials, confidence: confidence)
      #expect(abs(found.lower - expected[0]) <= 1e-9 * max(expected[0], 1e-3))
      #expect(abs(found.upper - expected[1]) <= 1e-9 * max(expected[1], 1e-3))
    }
  }

  @Test func theThresholdFlagsTheWishedShare() throws {
    let logits = (0..<1_000).map { Double($0) / 100 - 5 }.shuffled()
    for (rate, flagged) in [(0.01, 10), (0.1, 100), (0, 0), (0.0004, 0)] {
      let point = try #require(OperatingPoint(logits: logits, falsePositiveRate: rate))
      #expect(point.flagged == flagged && point.images == 1_000)
      let count = logits.count { point.threshold.verdict(on: Score(realScore: 0, fakeScore: 0, bias: $0)) == .flagged }
      #expect(count == flagged)
      #expect(point.falsePositiveRate == BinomialInterval(successes: flagged, trials: 1_000))
      if flagged > 0 { #expect(point.thresholdInterval.contains(point.threshold.value)) }
    }
  }

  @Test func equalScoresAreFlaggedTogetherOrNotAtAll() throws {
    let point = try #require(OperatingPoint(logits: [1, 2, 2, 2, 2, 0], falsePositiveRate: 0.5))
    #expect(point.flagged == 0)
    // Probabilities that round to 1 cannot be told apart: more are flagged than wished, and it says so.
    let saturated = try #require(OperatingPoint(logits: [50, 60, 70, 80], falsePositiveRate: 0.25))
    #expect(saturated.threshold.value == 1 && saturated.flagged == 4)
  }

  @Test func aGuaranteeTakesEnoughImages() throws {
    let logits = (0..<299).map { Double($0) / 30 }
    let sure = try #require(OperatingPoint(logits: logits, falsePositiveRate: 0.01, isGuaranteed: true))
    #expect(sure.flagged == 0)
    #expect(OperatingPoint(logits: Array(logits.dropLast()), falsePositiveRate: 0.01, isGuaranteed: true) == nil)
  }

  /// Probabilities are what is compared, and they are rounded: a guarantee is kept by what is flagged, or refused.
  @Test func aGuaranteeHoldsAfterRounding() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    var random = SeededGenerator(seed: seed)
    var refused = 0
    for round in 0..<60 {
      // Up to where probabilities are 1, and close together: 1 - 1e-16 is a logit of 36.7.
      let spread = [0.01, 1, 4][round % 3]
      let logits = (0..<400).map { _ in Double.random(in: 36 - spread...36 + spread, using: &random) }
      guard let point = OperatingPoint(logits: logits, falsePositiveRate: 0.02, isGuaranteed: true) else {
        refused += 1
        continue
      }
      let flagged = logits.count {
        point.threshold.verdict(on: Score(realScore: 0, fakeScore: 0, bias: $0)) == .flagged
      }
      #expect(flagged == point.flagged)
      #expect(BinomialInterval.upperBound(successes: flagged, trials: 400, confidence: 0.95) <= 0.02, "seed \(seed)")
    }
    #expect(refused > 0 && refused < 60, "seed \(seed): \(refused) refused")
  }

  /// The intervals keep their promise: in many samples from a known distribution, the true rate at the threshold is inside
  /// at least as often as they say, and so is the true quantile.
  @Test func theIntervalsCoverTheTruth() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    var random = SeededGenerator(seed: seed)
    for (count, rate) in [(200, 0.05), (60, 0.1)] {
      var (covered, quantiles) = (0, 0)
      let rounds = 400
      for _ in 0..<rounds {
        // P(X > x) = 1 − x
        let uniform = (0..<count).map { _ in Double.random(in: 0..<1, using: &random) }
        let point = try #require(OperatingPoint(logits: uniform, falsePositiveRate: rate))
        let truth = 1 - min(point.logit, 1)
        if point.falsePositiveRate.lower <= truth, truth <= point.falsePositiveRate.upper { covered += 1 }
        let quantile = OperatingPoint.probability(1 - rate)
        if point.thresholdInterval.contains(quantile) { quantiles += 1 }
      }
      // 95 % less five standard deviations.
      let least = Int(Double(rounds) * (0.95 - 5 * (0.95 * 0.05 / Double(rounds)).squareRoot()))
      #expect(covered >= least, "seed \(seed): \(covered) of \(rounds)")
      #expect(quantiles >= least, "seed \(seed): \(quantiles) of \(rounds)")
      // And are not merely wide.
      #expect(quantiles < rounds, "seed \(seed)")
    }
  }

  /// Logits that were made too large by some factor get their size back.
  @Test func theTemperatureIsFound() {
    let seed = UInt64.random(in: 0..<1_000_000)
    var random = SeededGenerator(seed: seed)
    var (generated, real): ([Double], [Double]) = ([], [])
    for _ in 0..<20_000 {
      let logit = Double.random(in: -4...4, using: &random)
      let isGenerated = Double.random(in: 0..<1, using: &random) < 1 / (1 + exp(-logit))
      if isGenerated { generated.append(logit * 3) } else { real.append(logit * 3) }
    }
    let temperature = Temperature(generated: generated, real: real)
    #expect(abs(temperature.value - 3) < 0.15, "seed \(seed): \(temperature.value)")
    #expect(temperature.lossAfter < temperature.lossBefore)
    // Classes that do not overlap would have none.
    #expect(Temperature.range.contains(Temperature(generated: [1, 2], real: [-1, -2]).value))
  }
}
