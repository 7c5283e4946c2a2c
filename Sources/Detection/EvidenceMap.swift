/// Which places of an image speak for a generated one: Σᵢ wᵢhᵢ at each position of the last feature map, exact. With a
/// positive head no value is below zero and the mean is the fake score; with any linear head it is the logit less the
/// bias.
package struct EvidenceMap: Sendable, Equatable {
  /// Positions of the last feature map.
  package let width: Int
  package let height: Int
  /// Row by row.
  package let values: [Double]

  package subscript(x: Int, y: Int) -> Double { values[y * width + x] }

  package var mean: Double { values.reduce(0, +) / Double(values.count) }
}
