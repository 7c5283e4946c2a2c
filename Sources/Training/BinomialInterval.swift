import Glibc

/// What is known of a probability after some successes in independent trials: the interval of Clopper and Pearson (1934),
/// which covers it at least as often as it says.
package struct BinomialInterval: Sendable, Equatable {
  package let lower: Double
  package let upper: Double

  package init(successes: Int, trials: Int, confidence: Double = 0.95) {
    precondition((0...trials).contains(successes) && trials > 0 && confidence > 0 && confidence < 1)
    let tail = (1 - confidence) / 2
    let (k, n) = (Double(successes), Double(trials))
    lower = successes == 0 ? 0 : Self.quantile(tail, a: k, b: n - k + 1)
    upper = successes == trials ? 1 : Self.quantile(1 - tail, a: k + 1, b: n - k)
  }

  /// The upper end alone: the probability is below it with this confidence.
  package static func upperBound(successes: Int, trials: Int, confidence: Double) -> Double {
    successes == trials ? 1 : quantile(confidence, a: Double(successes) + 1, b: Double(trials - successes))
  }

  /// Of the beta distribution, by bisection.
  static func quantile(_ probability: Double, a: Double, b: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    while true {
      let middle = (low + high) / 2
      guard middle > low, middle < high else { return middle }
      if distribution(middle, a: a, b: b) < probability { low = middle } else { high = middle }
    }
  }

  /// The beta distribution's P(X ≤ x): the regularized incomplete beta function, by Lentz's continued fraction.
  static func distribution(_ x: Double, a: Double, b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    // The fraction converges fast on this side.
    guard x <= (a + 1) / (a + b + 2) else { return 1 - distribution(1 - x, a: b, b: a) }
    let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    let tiny = 1e-300
    var (value, c, d) = (1.0, 1.0, 0.0)
    for step in 0..<100_000 {
      let m = Double(step / 2)
      let factor: Double
      if step == 0 {
        factor = 1
      } else if step % 2 == 0 {
        factor = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      } else {
        factor = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      }
      d = 1 + factor * d
      if d.magnitude < tiny { d = tiny }
      d = 1 / d
      c = 1 + factor / c
      if c.magnitude < tiny { c = tiny }
      value *= c * d
      if (c * d - 1).magnitude < 1e-15 { break }
    }
    return front * (value - 1)
  }
}
