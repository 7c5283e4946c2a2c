import Datasets
import Detection
import Filesystem
import StayposCore
import SystemPackage

/// A model in one precision against the same model in another, on images.
struct ModelComparison {
  let detector: Detector
  let reference: Detector
  let limits: ImageLimits

  /// - Parameter directory: images below a directory `real`, and below `generated` or `fake`, have that label, as have those
  ///   of the layouts in use (`0_real` and `1_fake`, `nature` and `ai`).
  /// - Returns: nil if no image was scored.
  func run(_ directory: FilePath) throws -> ModelComparisonRecord? {
    let threshold = detector.model.threshold
    var samples: [PrecisionComparison.Sample] = []
    var notScored = 0
    FileWalk.visit([directory]) { item in
      guard case .file(let path) = item else {
        if case .unreadable(let path, let errno) = item { Console.complain("\(path.escaped): \(errno)") }
        return
      }
      let (found, expected) = (examine(path, detector, threshold), examine(path, reference, threshold))
      guard let score = found.score, let reference = expected.score else {
        notScored += 1
        let refused = found.score == nil ? found : expected
        Console.complain("\(path.escaped): \(refused.verdict.reason?.rawValue ?? ""): \(refused.detail ?? "")")
        return
      }
      samples.append(
        PrecisionComparison.Sample(
          path: path, isGenerated: Self.label(of: path, below: directory), score: score, reference: reference))
    }
    return PrecisionComparison(samples, threshold: threshold).map { comparison in
      ModelComparisonRecord(
        name: detector.model.name, model: detector.model.sha256, precision: detector.precision,
        against: reference.precision, notScored: notScored, comparison: comparison)
    }
  }

  private func examine(_ path: FilePath, _ detector: Detector, _ threshold: Threshold) -> Examination {
    Examination(of: path, by: ScoringPool.Worker(detector), threshold: threshold, limits: limits)
  }

  static func label(of path: FilePath, below directory: FilePath) -> Bool? {
    let name = FilePath(root: nil, path.components.dropFirst(directory.components.count))
    return LabelledImage(path: path, name: name).map { $0.label == .fake }
  }
}

/// What `model verify --against` says.
struct ModelComparisonRecord: Encodable {
  var name: String
  var model: SHA256Digest
  var precision: Precision
  var against: Precision
  var notScored: Int
  var comparison: PrecisionComparison

  private enum CodingKeys: CodingKey {
    case name, model, precision, against, notScored
  }

  /// One object.
  func encode(to encoder: any Encoder) throws {
    try comparison.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(model, forKey: .model)
    try container.encode(precision, forKey: .precision)
    try container.encode(against, forKey: .against)
    try container.encode(notScored, forKey: .notScored)
  }

  /// For people.
  var lines: [String] {
    let errors = comparison.logitErrors
    var lines = [
      "\(Console.printable(name)): \(precision.rawValue) against \(against.rawValue), \(comparison.images) images"
        + (notScored > 0 ? ", \(notScored) files not scored" : ""),
      "logit error        mean \(errors.mean.fixed(5)), median \(errors.median.fixed(5)), 90 % \(errors.p90.fixed(5)), "
        + "99 % \(errors.p99.fixed(5)), largest \(errors.maximum.fixed(5)); bias \(errors.bias.fixed(5, signed: true))",
      "verdict flips      \(comparison.flips.count) at threshold \(comparison.threshold)",
    ]
    lines += comparison.flips.map { flip in
      "                   \(flip.reference.fixed(4)) -> \(flip.probability.fixed(4))  \(flip.verdict.rawValue)  "
        + flip.path
    }
    if let labelled = comparison.labelled {
      lines.append(
        "average precision  \(labelled.averagePrecision.fixed(5)), in \(against.rawValue) \(labelled.reference.fixed(5)), difference "
          + "\(labelled.difference.fixed(5, signed: true)) (\(labelled.generated) generated, \(labelled.real) real)")
    }
    return lines
  }
}
