import Detection
import StayposCore
import Training

/// What `calibrate --json` prints, and what the model's card keeps.
struct CalibrationRecord: Encodable {
  struct Interval: Encodable {
    var lower: Double
    var upper: Double
  }

  var name: String
  /// SHA-256 of the model that was calibrated.
  var base: SHA256Digest
  /// Of the scores that the threshold is for; nil if they do not say.
  var precision: Precision?
  var wishedFalsePositiveRate: Double
  var isGuaranteed: Bool
  var confidence: Double
  var threshold: Double
  var thresholdInterval: Interval
  var realImages: Int
  var flaggedRealImages: Int
  var falsePositiveRate: Interval
  var generatedImages: Int?
  var foundGeneratedImages: Int?
  var truePositiveRate: Interval?
  var temperature: Double?
  var lossBefore: Double?
  var lossAfter: Double?
  var notScored: Int

  init(
    name: String, base: SHA256Digest, precision: Precision?, rate: Double, isGuaranteed: Bool, point: OperatingPoint,
    temperature: Temperature?, generated: [Double], notScored: Int
  ) {
    (self.name, self.base, self.isGuaranteed, self.notScored) = (name, base, isGuaranteed, notScored)
    self.precision = precision
    wishedFalsePositiveRate = rate
    confidence = point.confidence
    threshold = point.threshold.value
    thresholdInterval = Interval(lower: point.thresholdInterval.lowerBound, upper: point.thresholdInterval.upperBound)
    realImages = point.images
    flaggedRealImages = point.flagged
    falsePositiveRate = Interval(lower: point.falsePositiveRate.lower, upper: point.falsePositiveRate.upper)
    if !generated.isEmpty {
      let found = generated.count { Score(realScore: 0, fakeScore: 0, bias: $0).probability >= point.threshold.value }
      let interval = BinomialInterval(successes: found, trials: generated.count, confidence: point.confidence)
      generatedImages = generated.count
      foundGeneratedImages = found
      truePositiveRate = Interval(lower: interval.lower, upper: interval.upper)
    }
    self.temperature = temperature?.value
    lossBefore = temperature?.lossBefore
    lossAfter = temperature?.lossAfter
  }

  /// For people.
  var lines: [String] {
    let percent = "\((confidence * 100).fixed(0)) %"
    var lines = [
      "\(name): threshold \(threshold.fixed(6)) (for this rate, with \(percent) confidence: "
        + "\(thresholdInterval.lower.fixed(6)) to \(thresholdInterval.upper.fixed(6)))",
      "real images: \(flaggedRealImages) of \(realImages) flagged; false-positive rate with \(percent) confidence: "
        + "\(falsePositiveRate.lower.fixed(5)) to \(falsePositiveRate.upper.fixed(5))",
    ]
    if let generatedImages, let foundGeneratedImages, let truePositiveRate {
      lines.append(
        "generated images: \(foundGeneratedImages) of \(generatedImages) found; share with \(percent) confidence: "
          + "\(truePositiveRate.lower.fixed(4)) to \(truePositiveRate.upper.fixed(4))")
    }
    if let temperature, let lossBefore, let lossAfter {
      lines.append(
        "temperature \(temperature.fixed(4)): mean loss \(lossBefore.fixed(4)) becomes \(lossAfter.fixed(4))")
    }
    if notScored > 0 { lines.append("left out: \(notScored) not scored") }
    if Double(realImages) * wishedFalsePositiveRate < 1 {
      lines.append("fewer than one of so many images would be flagged at the wished rate: take more of them")
    }
    return lines
  }
}
