/// The probability from which on an image is flagged: finite, 0...1.
package struct Threshold: Hashable, Sendable, Codable, CustomStringConvertible {
  package let value: Double

  /// nil for NaN and for values outside 0...1.
  package init?(_ value: Double) {
    guard value >= 0, value <= 1 else { return nil }
    self.value = value
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let threshold = Threshold(try container.decode(Double.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a threshold lies between 0 and 1")
    }
    self = threshold
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }

  package var description: String { "\(value)" }

  /// `flagged` if and only if probability ≥ threshold. Of a lower bound ask ``isDecided(by:)`` first.
  package func verdict(on score: Score) -> Verdict {
    score.probability >= value ? .flagged : .clear
  }

  /// Whether ``verdict(on:)`` is the verdict on the full score: a lower bound can only tell that it is `flagged`.
  ///
  /// The sigmoid of a greater logit is not smaller, but exp(3) may err in the last digit (2⁻⁵²), hence the margin.
  package func isDecided(by score: Score) -> Bool {
    !score.isLowerBound || score.probability * (1 - 0x1p-40) >= value
  }
}

/// Where the threshold in force comes from; later ones win.
package enum ThresholdOrigin: String, Sendable, Codable {
  /// The model's own.
  case model
  /// The configuration file's.
  case file
  /// Set over the control socket; survives restarts until reset.
  case runtime
}
