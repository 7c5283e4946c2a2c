import CLogisticRegression

/// The mean of binary cross-entropy with logits over rows of a table, as a function of a head.
///
/// Confined: it keeps room for its results.
final class LogisticLoss {
  struct Value {
    /// Mean, by the rows' weights.
    var loss: Double
    /// Of the coefficients, then of the intercept.
    var gradient: [Double]
  }

  let table: FeatureTable
  let samples: LabelledRows
  let threads: Int
  let totalWeight: Double
  /// Of the last evaluation: logits, and the loss's second derivatives by them, of its rows in turn.
  private(set) var margins: [Double]
  private(set) var curvatures: [Double]
  private var scratch: [Double]

  init(_ table: FeatureTable, _ samples: LabelledRows, threads: Int) {
    precondition(samples.count > 0 && threads > 0)
    (self.table, self.samples, self.threads) = (table, samples, threads)
    totalWeight = samples.weights.reduce(0) { $0 + Double($1) }
    margins = Array(repeating: 0, count: samples.count)
    curvatures = margins
    let size = table.withRows(samples.rows[...], threads: threads) { withUnsafePointer(to: $0, logreg_scratch_count) }
    scratch = Array(repeating: 0, count: 2 * size)
  }

  /// - Parameter rows: positions in ``samples``; all of them if left out.
  func evaluate(_ coefficients: [Float], _ intercept: Double, rows: Range<Int>? = nil) -> Value {
    precondition(coefficients.count == table.columns)
    let rows = rows ?? 0..<samples.count
    var gradient = [Double](repeating: 0, count: table.columns + 1)
    let sum = table.withRows(samples.rows[rows], threads: threads) { table in
      samples.labels[rows].withUnsafeBufferPointer { labels in
        samples.weights[rows].withUnsafeBufferPointer { weights in
          var (table, samples) = (table, logreg_samples(labels: labels.baseAddress, weights: weights.baseAddress))
          return logreg_evaluate(
            &table, &samples, coefficients, intercept, &gradient, &margins, &curvatures, &scratch)
        }
      }
    }
    let total = rows.count == samples.count ? totalWeight : samples.weights[rows].reduce(0) { $0 + Double($1) }
    for index in gradient.indices { gradient[index] /= total }
    return Value(loss: sum / total, gradient: gradient)
  }

  /// Mean and standard deviation of each feature over the rows; a deviation of 0 becomes 1.
  func moments() -> (means: [Double], deviations: [Double]) {
    var (sums, squares) = ([Double](repeating: 0, count: table.columns), [Double](repeating: 0, count: table.columns))
    table.withRows(samples.rows[...], threads: threads) { table in
      withUnsafePointer(to: table) { logreg_moments($0, &sums, &squares, &scratch) }
    }
    let count = Double(samples.count)
    let means = sums.map { $0 / count }
    let deviations = zip(squares, means).map { square, mean in
      let variance = square / count - mean * mean
      return variance > 1e-12 * mean * mean && variance > 0 ? variance.squareRoot() : 1
    }
    return (means, deviations)
  }
}
