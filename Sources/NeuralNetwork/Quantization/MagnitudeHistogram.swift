/// How often which magnitudes occur, in buckets whose width is a sixteenth of their binade: one pass suffices, whatever the
/// range.
struct MagnitudeHistogram {
  /// Exponent and the first four bits of the fraction.
  private static let droppedBits = UInt32(19)
  private var counts = [Int](repeating: 0, count: 1 << 12)
  /// The next one in the values to come.
  private var next = 0

  /// Counts one value in so many.
  /// - Parameter distance: without a common factor with the number of channels all channels are counted alike.
  mutating func add(_ values: UnsafeBufferPointer<Float>, every distance: Int) {
    counts.withUnsafeMutableBufferPointer { counts in
      while next < values.count {
        counts[Int(values[next].magnitude.bitPattern >> Self.droppedBits)] += 1
        next += distance
      }
    }
    next -= values.count
  }

  /// The range whose division into `levels` steps represents the values with the least mean squared error: a smaller one
  /// has finer steps, but cuts off what lies beyond. 0 if all values were.
  func bestRange(levels: Int) -> Float {
    // The first bucket is that of zeros.
    let buckets = counts.indices.dropFirst().filter { counts[$0] > 0 && Self.middle($0).isFinite }
    guard let last = buckets.last else { return 0 }
    // Within four binades of the largest magnitude: below that, hardly a value would be left inside.
    let candidates = max(1, last - 4 * 16)...last
    let errors = candidates.map { error(of: Double(Self.upperEnd($0)), levels: levels, buckets) }
    let best = errors.indices.min { errors[$0] < errors[$1] } ?? errors.count - 1
    return Self.upperEnd(candidates.lowerBound + best)
  }

  /// Sum of squared errors.
  private func error(of range: Double, levels: Int, _ buckets: [Int]) -> Double {
    let step = range / Double(levels)
    return buckets.reduce(0) { sum, bucket in
      let value = Double(Self.middle(bucket))
      let error =
        if value > range { value - range } else if value < step / 2 { value } else { step / 12.0.squareRoot() }
      return sum + Double(counts[bucket]) * error * error
    }
  }

  private static func middle(_ bucket: Int) -> Float {
    Float(bitPattern: UInt32(bucket) << droppedBits | 1 << (droppedBits - 1))
  }

  private static func upperEnd(_ bucket: Int) -> Float {
    Float(bitPattern: min(UInt32(bucket + 1) << droppedBits, Float.greatestFiniteMagnitude.bitPattern))
  }
}
