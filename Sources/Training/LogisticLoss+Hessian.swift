import CLogisticRegression
import NeuralNetwork
import Threading

extension LogisticLoss {
  /// Second derivatives at the last evaluation by the coefficients of some features, each shifted and scaled, and by the
  /// intercept, which comes last.
  /// - Parameter positions: in ``samples``, of those that stand for all of them.
  func hessian(
    _ columns: [Int], shifts: [Double], scales: [Double], over positions: [Int]
  ) throws(NetworkError) -> [Double] {
    // Each thread adds up a matrix of its own: in one product of several threads they would wait for each other after every
    // block, and that for long where a processor has something else to do.
    let parts = max(1, min(threads, Self.mostParts, positions.count / GramPart.blockRows))
    let weight = positions.reduce(0) { $0 + Double(samples.weights[$1]) }
    let results = Monitor([Result<[Double], NetworkError>?](repeating: nil, count: parts))
    let workers = (0..<parts).map { index in
      let own = positions[positions.count * index / parts..<positions.count * (index + 1) / parts]
      let part = GramPart(
        table: table, rows: own.map { samples.rows[$0] },
        factors: own.map { Float((curvatures[$0] / weight).squareRoot()) },
        columns: columns.map { UInt32($0) }, shifts: columns.map { Float(shifts[$0]) },
        scales: columns.map { Float(scales[$0]) }, threads: threads / parts)
      return DedicatedThread(name: "curvature \(index)") {
        let result = Result { () throws(NetworkError) in try part.matrix() }
        results.update { $0[index] = result }
      }
    }
    for worker in workers { worker.join() }
    var sum: [Double] = []
    for result in results.read({ $0 }) {
      guard let matrix = try result?.get() else { continue }
      if sum.isEmpty { sum = matrix } else { for index in sum.indices { sum[index] += matrix[index] } }
    }
    return sum
  }

  /// Matrices of a thousand features take megabytes.
  private static let mostParts = 8
}

/// Some of the rows that a matrix of second derivatives adds up.
private struct GramPart: Sendable {
  let table: FeatureTable
  let rows: [UInt32]
  /// Of each row: the square root of what it counts.
  let factors: [Float]
  let columns: [UInt32]
  /// Of each column.
  let shifts: [Float]
  let scales: [Float]
  let threads: Int

  /// Enough for the product to be worth its start, few enough for a processor's cache.
  static let blockRows = 1024

  func matrix() throws(NetworkError) -> [Double] {
    let size = columns.count + 1
    var gram = GramMatrix(size: size, threads: threads)
    var block = [Float](repeating: 0, count: Self.blockRows * size)
    for first in stride(from: 0, to: rows.count, by: Self.blockRows) {
      let chosen = rows[first..<min(first + Self.blockRows, rows.count)]
      factors[chosen.indices].withUnsafeBufferPointer { factors in
        table.withRows(chosen, threads: threads) { table in
          withUnsafePointer(to: table) {
            logreg_gather($0, columns, shifts, scales, columns.count, factors.baseAddress, &block)
          }
        }
      }
      try gram.add(block, count: chosen.count)
    }
    return gram.symmetric
  }
}
