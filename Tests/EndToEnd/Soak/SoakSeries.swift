/// A figure over time.
struct SoakSeries {
  var name: String
  var unit: String
  /// Seconds since the beginning, and the value.
  private(set) var points: [(time: Double, value: Double)] = []

  init(_ name: String, unit: String) {
    self.name = name
    self.unit = unit
  }

  mutating func append(_ value: Double, at time: Double) { points.append((time, value)) }

  /// Without the first third, in which caches fill.
  var settled: ArraySlice<(time: Double, value: Double)> {
    guard let end = points.last?.time else { return [] }
    return points.drop { $0.time < end / 3 }
  }

  var median: Double { Self.median(settled.map(\.value)) ?? 0 }
  var maximum: Double { settled.map(\.value).max() ?? 0 }
  var minimum: Double { settled.map(\.value).min() ?? 0 }

  /// The median of the slopes between any two points, a minute (Theil and Sen): bursts do not move it.
  var slope: Double {
    let points = Array(settled)
    var slopes: [Double] = []
    for (index, one) in points.enumerated() {
      for other in points[(index + 1)...] where other.time > one.time {
        slopes.append((other.value - one.value) / (other.time - one.time) * 60)
      }
    }
    return Self.median(slopes) ?? 0
  }

  /// What the slope comes to over the time that was looked at.
  var growth: Double {
    guard let first = settled.first, let last = settled.last else { return 0 }
    return slope * (last.time - first.time) / 60
  }

  var summary: String {
    "\(name) \(number(minimum))–\(number(maximum)), median \(number(median)) \(unit), "
      + "slope \(number(slope)) \(unit) a minute"
  }

  private func number(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  private static func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}
