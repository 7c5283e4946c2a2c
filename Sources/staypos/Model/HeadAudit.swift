import Detection
import Evaluation
import StayposCore

/// What a linear head makes of its features: those with weights below zero speak for real images, those with weights
/// above zero for generated ones (Stay-Positive, Section 4). Clamping drops the former.
struct HeadAudit: Encodable {
  /// Features of one sign.
  struct Side: Encodable, Equatable {
    var features = 0
    /// Sum of the weights.
    var weight = 0.0
  }

  /// Images of one label, or of none.
  struct Group: Encodable, Equatable {
    var images = 0
    var flagged = 0
    var flaggedClamped = 0
    /// Means.
    var realScore = 0.0
    var fakeScore = 0.0
    var logit = 0.0
    var clampedLogit = 0.0
    /// |real score| / (|real score| + fake score), of the means; nil where both are 0.
    var realShare: Double?
  }

  struct AveragePrecisions: Encodable, Equatable {
    var asItIs: Double
    var clamped: Double
  }

  struct Feature: Encodable, Equatable {
    var index: Int
    var weight: Double
    /// Over all images.
    var meanValue: Double
    /// Weight · mean value: in units of the logit.
    var contribution: Double
  }

  /// w < 0
  private(set) var real = Side()
  /// w > 0
  private(set) var fake = Side()
  /// w = 0
  private(set) var unused = 0
  /// `real`, `generated`, `unlabelled`
  private(set) var groups: [String: Group] = [:]
  private(set) var verdictChanges = 0
  /// nil unless there are images of both labels.
  var averagePrecision: AveragePrecisions? {
    guard let asItIs = AveragePrecision.of(logits.map { ($0.asItIs, $0.isGenerated) }),
      let clamped = AveragePrecision.of(logits.map { ($0.clamped, $0.isGenerated) })
    else { return nil }
    return AveragePrecisions(asItIs: asItIs, clamped: clamped)
  }
  /// Features with a weight that no image had.
  var silent: Int { images == 0 ? 0 : zip(weights, sums).count { $0 != 0 && $1 == 0 } }

  private let weights: [Double]
  private let threshold: Threshold
  private var sums: [Double]
  private var images = 0
  private var logits: [(asItIs: Double, clamped: Double, isGenerated: Bool)] = []

  init(_ head: Head, threshold: Threshold) {
    weights = head.weights
    self.threshold = threshold
    sums = Array(repeating: 0, count: weights.count)
    for weight in weights {
      if weight < 0 {
        real.features += 1
        real.weight += weight
      } else if weight > 0 {
        fake.features += 1
        fake.weight += weight
      } else {
        unused += 1
      }
    }
  }

  /// - Parameters:
  ///   - features: pooled, one for each weight.
  ///   - isGenerated: nil: not known.
  mutating func add(_ score: Score, _ features: [Double], isGenerated: Bool?) {
    let clamped = Score(realScore: 0, fakeScore: score.fakeScore, bias: score.bias)
    let (verdict, other) = (threshold.verdict(on: score), threshold.verdict(on: clamped))
    if verdict != other { verdictChanges += 1 }
    for index in sums.indices { sums[index] += features[index] }
    images += 1
    if let isGenerated { logits.append((score.logit, clamped.logit, isGenerated)) }
    let label = isGenerated.map { $0 ? "generated" : "real" } ?? "unlabelled"
    groups[label, default: Group()].add(score, clamped, verdict == .flagged, other == .flagged)
  }

  /// Those of one sign that add most, the largest first.
  func strongest(_ count: Int, real: Bool) -> [Feature] {
    guard images > 0 else { return [] }
    let features = weights.indices.filter { real ? weights[$0] < 0 : weights[$0] > 0 }.map { index in
      let mean = sums[index] / Double(images)
      return Feature(index: index, weight: weights[index], meanValue: mean, contribution: weights[index] * mean)
    }
    return Array(features.sorted { abs($0.contribution) > abs($1.contribution) }.prefix(count))
  }

  private enum CodingKeys: CodingKey {
    case real, fake, unused, groups, verdictChanges, averagePrecision, silent, strongestReal, strongestFake
  }

  private static let shown = 5

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(real, forKey: .real)
    try container.encode(fake, forKey: .fake)
    try container.encode(unused, forKey: .unused)
    guard images > 0 else { return }
    try container.encode(groups, forKey: .groups)
    try container.encode(verdictChanges, forKey: .verdictChanges)
    try container.encode(averagePrecision, forKey: .averagePrecision)
    try container.encode(silent, forKey: .silent)
    try container.encode(strongest(Self.shown, real: true), forKey: .strongestReal)
    try container.encode(strongest(Self.shown, real: false), forKey: .strongestFake)
  }

  /// For people.
  var lines: [String] {
    let total = fake.weight - real.weight
    func side(_ side: Side) -> String {
      "\(side.features) features, weight \(side.weight.fixed(4, signed: true))"
        + (total > 0 ? " (\((100 * abs(side.weight) / total).fixed(1)) %)" : "")
    }
    var lines = ["real features      " + side(real), "fake features      " + side(fake)]
    if unused > 0 { lines.append("without weight     \(unused) features") }
    guard images > 0 else { return lines }
    if silent > 0 { lines.append("never seen         \(silent) features with a weight, but 0 in every image") }
    for (label, group) in groups.sorted(by: { $0.key < $1.key }) {
      lines.append("")
      lines.append("\(label): \(group.images) images")
      lines.append(
        "  real score       \(group.realScore.fixed(4, signed: true)), fake score \(group.fakeScore.fixed(4, signed: true))"
          + (group.realShare.map { ": real features are \((100 * $0).fixed(1)) % of the score" } ?? ""))
      lines.append(
        "  logit            \(group.logit.fixed(4, signed: true)), clamped \(group.clampedLogit.fixed(4, signed: true))"
      )
      lines.append("  flagged          \(group.flagged), clamped \(group.flaggedClamped)")
    }
    lines.append("")
    lines.append("verdict changes    \(verdictChanges) of \(images) at threshold \(threshold), if the head is clamped")
    if let averagePrecision {
      lines.append(
        "average precision  \(averagePrecision.asItIs.fixed(5)), clamped \(averagePrecision.clamped.fixed(5))")
    }
    for (name, isReal) in [("real", true), ("fake", false)] {
      for feature in strongest(Self.shown, real: isReal) {
        lines.append(
          "\(name) feature \(feature.index)".padded(19)
            + "\(feature.contribution.fixed(4, signed: true)) = \(feature.weight.fixed(5, signed: true)) x "
            + feature.meanValue.fixed(5))
      }
    }
    return lines
  }
}

extension HeadAudit.Group {
  fileprivate mutating func add(_ score: Score, _ clamped: Score, _ isFlagged: Bool, _ isFlaggedClamped: Bool) {
    images += 1
    if isFlagged { flagged += 1 }
    if isFlaggedClamped { flaggedClamped += 1 }
    func move(_ mean: inout Double, _ value: Double) { mean += (value - mean) / Double(images) }
    move(&realScore, score.realScore)
    move(&fakeScore, score.fakeScore)
    move(&logit, score.logit)
    move(&clampedLogit, clamped.logit)
    let total = abs(realScore) + abs(fakeScore)
    realShare = total > 0 ? abs(realScore) / total : nil
  }
}
