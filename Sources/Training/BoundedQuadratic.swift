import CLogisticRegression

/// min ½ xᵀHx + gᵀx with x ≥ lower, for positive definite H, by block principal pivoting (Júdice and Pires 1994; Kim and Park
/// 2011): exact, mostly after a few factorizations.
struct BoundedQuadratic {
  /// Row-major, symmetric.
  var hessian: [Double]
  var gradient: [Double]
  /// −∞ where there is no bound.
  var lower: [Double]

  private var size: Int { gradient.count }

  /// - Parameter isFree: a guess at the variables that are above their bounds.
  /// - Returns: nil if H is not positive definite.
  func minimize(guessing isFree: [Bool], threads: Int) -> [Double]? {
    let bounded = lower.map(\.isFinite)
    // y = x − lower ≥ 0 for those with a bound.
    let shift = lower.map { $0.isFinite ? $0 : 0 }
    let constant = zip(gradient, product(shift)).map(+)
    var free = zip(isFree, bounded).map { $0 || !$1 }
    var (fewest, patience) = (Int.max, Self.patience)
    for _ in 0..<Self.iterationLimit {
      let indices = free.indices.filter { free[$0] }
      guard let solution = solve(indices, constant, threads: threads) else { return nil }
      var y = [Double](repeating: 0, count: size)
      for (index, value) in zip(indices, solution) { y[index] = value }
      let slope = zip(product(y), constant).map(+)
      let (small, flat) = (tolerance(y), tolerance(constant))
      let wrong = free.indices.filter { bounded[$0] && (free[$0] ? y[$0] < -small : slope[$0] < -flat) }
      if wrong.isEmpty {
        return y.indices.map { (bounded[$0] ? max(y[$0], 0) : y[$0]) + shift[$0] }
      }
      // All at once is fast and may go round in circles; the last one alone is slow and does not (Murty's rule).
      if wrong.count < fewest {
        (fewest, patience) = (wrong.count, Self.patience)
        for index in wrong { free[index].toggle() }
      } else if patience > 0 {
        patience -= 1
        for index in wrong { free[index].toggle() }
      } else {
        free[wrong[wrong.count - 1]].toggle()
      }
    }
    return nil
  }

  private static let patience = 5
  private static let iterationLimit = 200

  private func tolerance(_ values: [Double]) -> Double {
    1e-12 * (values.lazy.map(\.magnitude).max() ?? 0)
  }

  private func product(_ x: [Double]) -> [Double] {
    let size = size
    var result = [Double](repeating: 0, count: size)
    hessian.withUnsafeBufferPointer { hessian in
      result.withUnsafeMutableBufferPointer { result in
        // By columns, which are rows: zeros cost nothing.
        for (column, value) in x.enumerated() where value != 0 {
          let source = hessian.baseAddress! + column * size
          for row in 0..<size { result[row] += value * source[row] }
        }
      }
    }
    return result
  }

  /// −H⁻¹c on some variables.
  private func solve(_ indices: [Int], _ constant: [Double], threads: Int) -> [Double]? {
    let (count, size) = (indices.count, size)
    var factor = [Double](unsafeUninitializedCapacity: count * count) { target, initialized in
      hessian.withUnsafeBufferPointer { hessian in
        for (row, index) in indices.enumerated() {
          for column in 0..<count {
            target.initializeElement(at: row * count + column, to: hessian[index * size + indices[column]])
          }
        }
      }
      initialized = count * count
    }
    guard logreg_cholesky(&factor, count, CInt(threads)) == 0 else { return nil }
    var solution = indices.map { -constant[$0] }
    factor.withUnsafeBufferPointer { factor in
      solution.withUnsafeMutableBufferPointer { solution in
        for row in 0..<count {
          var sum = solution[row]
          for column in 0..<row { sum -= factor[row * count + column] * solution[column] }
          solution[row] = sum / factor[row * count + row]
        }
        for row in stride(from: count - 1, through: 0, by: -1) {
          let value = solution[row] / factor[row * count + row]
          solution[row] = value
          for column in 0..<row { solution[column] -= factor[row * count + column] * value }
        }
      }
    }
    return solution
  }
}
