import StayposCore

/// Which rows stand for all of them in the second derivatives of a loss: drawn once, the same for the same number of rows.
struct CurvatureRows {
  private let order: [Int]
  private var perWeight: Int

  init(count: Int, perWeight: Int) {
    precondition(perWeight > 0)
    var random = SplitMix64(seed: 0)
    order = Array(0..<count).shuffled(using: &random)
    self.perWeight = perWeight
  }

  /// Positions of the rows for a model of so many weights, in order.
  func rows(weights: Int) -> [Int] {
    let (wanted, isTooMany) = weights.multipliedReportingOverflow(by: perWeight)
    // Twice as many cost little more than that.
    if isTooMany || wanted > order.count / 2 { return Array(order.indices) }
    return order[..<wanted].sorted()
  }

  mutating func takeMore() {
    let (more, isTooMany) = perWeight.multipliedReportingOverflow(by: 4)
    perWeight = isTooMany ? .max : more
  }

  mutating func takeAll() { perWeight = .max }
}
