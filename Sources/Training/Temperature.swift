import Glibc

/// The T for which sigmoid(logit / T) is the probability that fits labelled scores best (Guo et al. 2017). Both classes
/// count the same, so that the mixture of the images at hand does not matter.
package struct Temperature: Sendable, Equatable {
  package let value: Double
  /// Mean negative log-likelihood with a temperature of 1, and with this one.
  package let lossBefore: Double
  package let lossAfter: Double

  /// Limits: beyond them the scores say nothing, or the classes do not overlap.
  static let range = 0.01...100.0

  /// - Parameters: logits; at least one of each.
  package init(generated: [Double], real: [Double]) {
    precondition(!generated.isEmpty && !real.isEmpty)
    /// Of the loss by 1/T, and the loss.
    func evaluate(_ inverse: Double) -> (slope: Double, loss: Double) {
      func mean(_ logits: [Double], sign: Double) -> (slope: Double, loss: Double) {
        var (slope, loss) = (0.0, 0.0)
        for logit in logits {
          // log(1 + e^x) with x = −sign · logit / T
          let x = -sign * logit * inverse
          loss += max(x, 0) + log1p(exp(-x.magnitude))
          slope += -sign * logit / (1 + exp(-x))
        }
        return (slope / Double(logits.count), loss / Double(logits.count))
      }
      let (fake, other) = (mean(generated, sign: 1), mean(real, sign: -1))
      return ((fake.slope + other.slope) / 2, (fake.loss + other.loss) / 2)
    }
    // The loss is convex in 1/T: its slope changes its sign once.
    var (low, high) = (log(1 / Self.range.upperBound), log(1 / Self.range.lowerBound))
    for _ in 0..<100 {
      let middle = (low + high) / 2
      if evaluate(exp(middle)).slope < 0 { low = middle } else { high = middle }
    }
    let inverse = exp((low + high) / 2)
    value = min(max(1 / inverse, Self.range.lowerBound), Self.range.upperBound)
    lossBefore = evaluate(1).loss
    lossAfter = evaluate(inverse).loss
  }
}
