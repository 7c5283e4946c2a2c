import Glibc
import StayposCore

/// One direction of a plot.
package struct Axis: Sendable {
  package enum Scale: Sendable {
    case linear
    /// Values have to be above 0; others are left out.
    case logarithmic
  }

  package var label: String
  package var scale: Scale
  /// Nil: what the values need, and a little more.
  package var range: ClosedRange<Double>?
  /// Round numbers have no fractions: of what is counted.
  package var isWhole: Bool
  /// The highest value comes first.
  package var isReversed: Bool
  /// Nil: round numbers.
  package var ticks: [Double]?
  /// What a tick says instead of its number.
  package var tickLabels: [Double: String]

  package init(
    _ label: String, scale: Scale = .linear, range: ClosedRange<Double>? = nil, isWhole: Bool = false,
    isReversed: Bool = false, ticks: [Double]? = nil, tickLabels: [Double: String] = [:]
  ) {
    self.label = label
    self.scale = scale
    self.range = range
    self.isWhole = isWhole
    self.isReversed = isReversed
    self.ticks = ticks
    self.tickLabels = tickLabels
  }
}

/// An axis whose range is known: from values to shares of its length.
struct ScaledAxis {
  let axis: Axis
  let range: ClosedRange<Double>

  /// - Parameter values: what has to be seen.
  init(_ axis: Axis, _ values: some Sequence<Double>) {
    self.axis = axis
    if let range = axis.range, range.lowerBound < range.upperBound {
      self.range = range
      return
    }
    // What lies beyond is drawn at the edge: the differences and quotients below have to be finite.
    let usable = values.filter { abs($0) < 1e100 && (axis.scale == .linear || $0 > 1e-100) }
    guard let least = usable.min(), let greatest = usable.max() else {
      range = axis.scale == .linear ? 0...1 : 1...10
      return
    }
    switch axis.scale {
    case .linear:
      let margin = greatest > least ? (greatest - least) * 0.04 : max(abs(least) * 0.1, 0.5)
      range = least - margin...greatest + margin
    case .logarithmic:
      let margin = greatest > least ? pow(greatest / least, 0.04) : 2
      range = least / margin...greatest * margin
    }
  }

  func contains(_ value: Double) -> Bool {
    let slack = (range.upperBound - range.lowerBound) * 1e-9
    return value >= range.lowerBound - slack && value <= range.upperBound + slack
  }

  /// 0 at the beginning, 1 at the end; nil for what the scale does not have.
  func share(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    let share: Double
    switch axis.scale {
    case .linear: share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    case .logarithmic:
      guard value > 0 else { return nil }
      share = log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
    }
    return axis.isReversed ? 1 - share : share
  }

  /// - Parameter count: about how many there is room for.
  func ticks(count: Int) -> [(value: Double, label: String)] {
    if let ticks = axis.ticks {
      return ticks.filter(contains).map { ($0, axis.tickLabels[$0] ?? Self.label($0)) }
    }
    switch axis.scale {
    case .linear: return linearTicks(count)
    case .logarithmic: return logarithmicTicks(count)
    }
  }

  /// Multiples of 1, 2 or 5 times a power of ten.
  private func linearTicks(_ count: Int) -> [(value: Double, label: String)] {
    let needed = (range.upperBound - range.lowerBound) / Double(max(count, 1))
    let raw = axis.isWhole ? max(needed, 1) : needed
    let power = pow(10, floor(log10(raw)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw * 0.999 } ?? raw
    let digits = max(0, Int(-floor(log10(step) + 1e-9)))
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    guard first <= last else { return [] }
    return stride(from: first, through: last, by: 1).map { ($0 * step, ($0 * step).fixed(digits)) }
  }

  /// Powers of ten; also 2 and 5 times them where there are few.
  private func logarithmicTicks(_ count: Int) -> [(value: Double, label: String)] {
    let (first, last) = (Int(floor(log10(range.lowerBound))), Int(ceil(log10(range.upperBound))))
    let every = max(1, (last - first) / max(count, 1))
    let factors: [Double] = last - first <= 3 ? [1, 2, 5] : [1]
    return stride(from: first, through: last, by: every).flatMap { exponent in
      factors.map { $0 * pow(10, Double(exponent)) }
    }.filter(contains).map { ($0, Self.label($0)) }
  }

  /// As few digits as show the number to four places.
  static func label(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    guard (1e-4..<1e6).contains(abs(value)) else {
      let exponent = Int(floor(log10(abs(value)) + 1e-9))
      let mantissa = value / pow(10, Double(exponent))
      return (abs(mantissa - 1) < 1e-9 ? "" : "\(label(mantissa))×") + "10" + superscript(exponent)
    }
    let digits = max(0, 3 - Int(floor(log10(abs(value)))))
    let text = value.fixed(digits)
    guard text.contains(".") else { return text }
    let trimmed = String(text.reversed().drop { $0 == "0" }.reversed())
    return trimmed.hasSuffix(".") ? String(trimmed.dropLast()) : trimmed
  }

  private static func superscript(_ number: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return (number < 0 ? "⁻" : "") + String("\(abs(number))".compactMap { $0.wholeNumberValue }.map { digits[$0] })
  }
}
