import Evaluation
import StayposCore
import SystemPackage

/// How far one precision is from another on the same images.
struct PrecisionComparison: Encodable {
  /// One image in both.
  struct Sample {
    var path: FilePath
    /// nil: not known.
    var isGenerated: Bool?
    var score: Score
    var reference: Score
  }

  /// Of |logit − reference|.
  struct Errors: Encodable {
    var mean: Double
    var median: Double
    var p90: Double
    var p99: Double
    var maximum: Double
    /// Mean of logit − reference.
    var bias: Double
  }

  /// An image with another verdict.
  struct Flip: Encodable {
    var path: String
    var pathBase64: String?
    var probability: Double
    var reference: Double
    var verdict: Verdict.Name
  }

  struct Averages: Encodable {
    var generated: Int
    var real: Int
    var averagePrecision: Double
    var reference: Double
    var difference: Double
  }

  var images: Int
  var threshold: Double
  var logitErrors: Errors
  var flips: [Flip]
  /// nil unless there are images of both labels.
  var labelled: Averages?

  /// Nil without samples.
  init?(_ samples: [Sample], threshold: Threshold) {
    guard !samples.isEmpty else { return nil }
    images = samples.count
    self.threshold = threshold.value
    let differences = samples.map { $0.score.logit - $0.reference.logit }
    logitErrors = Errors(differences)
    flips = samples.compactMap { sample in
      let verdict = threshold.verdict(on: sample.score)
      guard verdict != threshold.verdict(on: sample.reference) else { return nil }
      let (path, base64) = sample.path.json
      return Flip(
        path: path, pathBase64: base64, probability: sample.score.probability,
        reference: sample.reference.probability, verdict: verdict.name)
    }
    labelled = Averages(samples)
  }
}

extension PrecisionComparison.Errors {
  /// - Parameter differences: at least one.
  fileprivate init(_ differences: [Double]) {
    let sorted = differences.map(\.magnitude).sorted()
    /// The smallest one that so large a share is not above.
    func percentile(_ share: Double) -> Double {
      sorted[min(max(Int((share * Double(sorted.count)).rounded(.up)), 1), sorted.count) - 1]
    }
    self.init(
      mean: sorted.reduce(0, +) / Double(sorted.count), median: percentile(0.5), p90: percentile(0.9),
      p99: percentile(0.99), maximum: percentile(1), bias: differences.reduce(0, +) / Double(differences.count))
  }
}

extension PrecisionComparison.Averages {
  fileprivate init?(_ samples: [PrecisionComparison.Sample]) {
    func average(_ score: (PrecisionComparison.Sample) -> Score) -> Double? {
      AveragePrecision.of(
        samples.compactMap { sample in sample.isGenerated.map { (score(sample).logit, $0) } })
    }
    guard let found = average(\.score), let reference = average(\.reference) else { return nil }
    self.init(
      generated: samples.count { $0.isGenerated == true }, real: samples.count { $0.isGenerated == false },
      averagePrecision: found, reference: reference, difference: found - reference)
  }
}
