import StayposCore
import Training

/// What `train head --json` prints, and what the model's card keeps.
struct TrainHeadRecord: Encodable {
  var name: String
  var variant: String
  var optimizer: String
  var l2: Double
  var seed: UInt64
  /// The model whose backbone it is.
  var base: String
  var baseModel: SHA256Digest
  var notScored: Int
  var unlabelled: Int
  var repeated: Int
  var contradictory: Int
  var steps: Int
  var hasConverged: Bool
  var seconds: Double
  var weightsAboveZero: Int
  var weightsBelowZero: Int
  var training: HeadMetrics
  var validation: HeadMetrics?

  /// For people.
  var lines: [String] {
    var lines = [
      "\(name): \(variant) head on \(base), \(weightsAboveZero) weights above 0, \(weightsBelowZero) below",
      "\(optimizer): \(steps) \(optimizer == "adam" ? "epochs" : "steps") in \(seconds.fixed(1)) s"
        + (hasConverged ? "" : ", stopped at the limit"),
      text("training", training),
    ]
    if let validation { lines.append(text("validation", validation)) }
    if notScored + unlabelled + repeated + contradictory > 0 {
      lines.append(
        "left out: \(notScored) not scored, \(unlabelled) without a label, \(repeated) repeated, "
          + "\(contradictory) with both labels")
    }
    return lines
  }

  private func text(_ part: String, _ metrics: HeadMetrics) -> String {
    "\(part): \(metrics.real) real, \(metrics.generated) generated; loss \(metrics.loss.fixed(5)), balanced accuracy "
      + "\(metrics.balancedAccuracy.fixed(4)) (FPR \(metrics.falsePositiveRate.fixed(4)), FNR "
      + "\(metrics.falseNegativeRate.fixed(4)))"
  }
}
