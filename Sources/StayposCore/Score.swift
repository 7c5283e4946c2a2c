import Glibc

/// What a linear head on non-negative features says about one image (Stay-Positive, Section 4).
package struct Score: Hashable, Sendable, Codable {
  /// Σ wᵢhᵢ over wᵢ < 0: what speaks for a real image. Always 0 with a positive head.
  package var realScore: Double
  /// Σ wᵢhᵢ over wᵢ > 0: what speaks for a generated one.
  package var fakeScore: Double
  package var bias: Double
  /// The scan stopped early: the full fake score, and with it logit and probability, is at least this.
  package var isLowerBound: Bool

  package init(realScore: Double, fakeScore: Double, bias: Double, isLowerBound: Bool = false) {
    self.realScore = realScore
    self.fakeScore = fakeScore
    self.bias = bias
    self.isLowerBound = isLowerBound
  }

  package var logit: Double { realScore + fakeScore + bias }

  /// sigmoid(logit)
  package var probability: Double { 1 / (1 + exp(-logit)) }
}

extension Score {
  /// Part of the quarantine's records: `lowerBound` is there only if it is true.
  private enum CodingKeys: String, CodingKey {
    case realScore, fakeScore, bias
    case isLowerBound = "lowerBound"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      realScore: try values.decode(Double.self, forKey: .realScore),
      fakeScore: try values.decode(Double.self, forKey: .fakeScore),
      bias: try values.decode(Double.self, forKey: .bias),
      isLowerBound: try values.decodeIfPresent(Bool.self, forKey: .isLowerBound) ?? false)
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(realScore, forKey: .realScore)
    try values.encode(fakeScore, forKey: .fakeScore)
    try values.encode(bias, forKey: .bias)
    if isLowerBound { try values.encode(true, forKey: .isLowerBound) }
  }
}
