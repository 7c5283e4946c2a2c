import StayposCore

/// Which rows of a table to learn from, or to measure on.
package struct LabelledRows: Sendable {
  package private(set) var rows: [UInt32] = []
  /// 1: generated, 0: real.
  package private(set) var labels: [Float] = []
  /// What each row counts.
  package var weights: [Float] = []

  package init() {}

  package mutating func append(_ row: Int, isGenerated: Bool, weight: Float = 1) {
    rows.append(UInt32(row))
    labels.append(isGenerated ? 1 : 0)
    weights.append(weight)
  }

  package var count: Int { rows.count }
  package var generatedCount: Int { labels.count { $0 == 1 } }
  package var realCount: Int { count - generatedCount }
  package var hasBothLabels: Bool { generatedCount > 0 && realCount > 0 }

  /// Lets both labels count the same altogether.
  package mutating func balance() {
    guard hasBothLabels else { return }
    let (generated, real) = (Float(count) / Float(2 * generatedCount), Float(count) / Float(2 * realCount))
    weights = labels.map { $0 == 1 ? generated : real }
  }

  /// The same rows in another order.
  func reordered(_ order: [Int]) -> LabelledRows {
    var result = LabelledRows()
    result.rows = order.map { rows[$0] }
    result.labels = order.map { labels[$0] }
    result.weights = order.map { weights[$0] }
    return result
  }
}
