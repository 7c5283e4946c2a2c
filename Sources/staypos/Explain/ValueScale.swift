import StayposCore

/// The values that the ends of the colour ramp stand for, and round numbers between them.
struct ValueScale: Equatable {
  var minimum: Double
  var maximum: Double

  /// From 0, or from the lowest value if that is below 0, to the highest: the whole map, nothing is clipped.
  init(_ values: [Double]) {
    minimum = min(0, values.min() ?? 0)
    maximum = max(0, values.max() ?? 0)
    // A map without any evidence: all of it gets the colour of 0.
    if maximum - minimum < 1e-12 { maximum = minimum + 1 }
  }

  /// - Parameter maximum: above 0; for pictures that are to be compared with each other.
  init(_ values: [Double], maximum: Double) {
    self.init(values)
    self.maximum = maximum
  }

  /// Place on the ramp.
  func share(_ value: Double) -> Double { (value - minimum) / (maximum - minimum) }

  /// Multiples of 1, 2 or 5 times a power of ten, at most about `count` of them, with the digits that they need.
  func ticks(count: Int) -> [(value: Double, label: String)] {
    let raw = (maximum - minimum) / Double(max(1, count))
    var power = 1.0
    var digits = 0
    while power > raw {
      power /= 10
      digits += 1
    }
    while power * 10 <= raw { power *= 10 }
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw * 0.999 } ?? power * 10
    if step >= power * 9.99 { digits = max(0, digits - 1) }
    let first = (minimum / step).rounded(.up)
    let last = (maximum / step + 1e-9).rounded(.down)
    return stride(from: first, through: last, by: 1).map { ($0 * step, ($0 * step).fixed(digits)) }
  }
}
