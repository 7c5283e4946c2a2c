import Glibc

/// What a linear head on non-negative features says about one image (Stay-Positive, Section 4).
package struct Score: Hashable, Sendable, Codable {
  /// Σ wᵢhᵢ over wᵢ < 0: what speaks for a real image. Always 0 with a positive head.
  package var realScore: Double
  /// Σ wᵢhᵢ over wᵢ > 0: what speaks for a generated one.
  package var fakeScore: Double
  package var bias: Double

  package init(realScore: Double, fakeScore: Double, bias: Double) {
    self.realScore = realScore
    self.fakeScore = fakeScore
    self.bias = bias
  }

  package var logit: Double { realScore + fakeScore + bias }

  /// sigmoid(logit)
  package var probability: Double { 1 / (1 + exp(-logit)) }
}
