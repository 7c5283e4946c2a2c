import Glibc

/// How several detectors' logits become one.
package enum Fusion: String, Sendable, CaseIterable {
  /// logit(1 − Π(1 − pᵢ)): fake if any of them, taken as independent, is right in saying so.
  case softOr = "soft_or_prob"
  case mean
  case max

  /// - Parameter logits: at least one.
  package func fuse(_ logits: [Double]) -> Double {
    switch self {
    case .mean: return logits.reduce(0, +) / Double(logits.count)
    case .max: return logits.max() ?? .nan
    case .softOr:
      // −log(1 − p) = softplus(logit); with S their sum, the result is log(exp(S) − 1).
      let sum = logits.reduce(0) { $0 + Swift.max($1, 0) + log1p(exp(-abs($1))) }
      // Of logits far below 0, sum and result are the sum of the exponentials and its logarithm.
      guard sum > 0 else {
        let greatest = logits.max() ?? -.infinity
        guard greatest > -.infinity else { return -.infinity }
        return greatest + log(logits.reduce(0) { $0 + exp($1 - greatest) })
      }
      return sum + log(-expm1(-sum))
    }
  }
}
