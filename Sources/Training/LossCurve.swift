/// A training's course as an SVG picture: losses against the left axis, balanced accuracy against the right one.
package struct LossCurve: Sendable {
  package var title: String
  /// What is counted along the bottom: `epoch` or `step`.
  package var unit: String
  package var steps: [TrainingStep]

  package init(title: String, unit: String, steps: [TrainingStep]) {
    (self.title, self.unit, self.steps) = (title, unit, steps)
  }

  private static let (width, height) = (720.0, 420.0)
  private static let (left, right, top, bottom) = (70.0, 650.0, 50.0, 360.0)

  private struct Line {
    var name: String
    var colour: String
    /// nil: no point.
    var values: [Double?]
    var range: ClosedRange<Double>
  }

  /// The picture as text.
  package var svg: String {
    let losses = steps.flatMap { [$0.loss, $0.validationLoss].compactMap { $0 } }.filter(\.isFinite)
    let lossRange = 0...max((losses.max() ?? 1) * 1.05, 1e-12)
    var lines = [Line(name: "training loss", colour: "#0072b2", values: steps.map(\.loss), range: lossRange)]
    if steps.contains(where: { $0.validationLoss != nil }) {
      lines.append(
        Line(name: "validation loss", colour: "#d55e00", values: steps.map(\.validationLoss), range: lossRange))
    }
    let hasAccuracy = steps.contains { $0.validationBalancedAccuracy != nil }
    if hasAccuracy {
      lines.append(
        Line(
          name: "balanced accuracy", colour: "#009e73", values: steps.map(\.validationBalancedAccuracy), range: 0...1))
    }
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.number(Self.width)) \(Self.number(Self.height))\" "
        + "font-family=\"sans-serif\" font-size=\"12\">",
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
      "<text x=\"\(Self.number(Self.left))\" y=\"20\" font-size=\"14\">\(Self.escaped(title))</text>",
    ]
    parts += axes(lossRange, hasAccuracy: hasAccuracy)
    for (index, line) in lines.enumerated() {
      parts.append(polyline(line))
      let x = Self.left + Double(index) * 170
      parts.append(
        "<text x=\"\(Self.number(x))\" y=\"40\" fill=\"\(line.colour)\">\(Self.escaped(line.name))</text>")
    }
    return (parts + ["</svg>", ""]).joined(separator: "\n")
  }

  private func polyline(_ line: Line) -> String {
    let points = zip(steps, line.values).compactMap { step, value -> String? in
      guard let value, value.isFinite else { return nil }
      return "\(Self.number(x(step.index))),\(Self.number(Self.y(value, in: line.range)))"
    }
    return "<polyline fill=\"none\" stroke=\"\(line.colour)\" stroke-width=\"1.5\" points=\""
      + points.joined(separator: " ") + "\"/>"
  }

  private func axes(_ losses: ClosedRange<Double>, hasAccuracy: Bool) -> [String] {
    var parts: [String] = []
    for share in stride(from: 0.0, through: 1, by: 0.25) {
      let y = Self.bottom - share * (Self.bottom - Self.top)
      parts.append(
        "<line x1=\"\(Self.number(Self.left))\" x2=\"\(Self.number(Self.right))\" y1=\"\(Self.number(y))\" "
          + "y2=\"\(Self.number(y))\" stroke=\"#dddddd\"/>")
      parts.append(label(Self.number(losses.upperBound * share), Self.left - 6, y + 4, anchor: "end"))
      if hasAccuracy { parts.append(label(Self.number(share), Self.right + 6, y + 4, anchor: "start")) }
    }
    let last = steps.last?.index ?? 0
    for index in Set([0, last / 4, last / 2, last * 3 / 4, last]).sorted() {
      parts.append(label("\(index)", x(index), Self.bottom + 18, anchor: "middle"))
    }
    parts.append(label(unit, (Self.left + Self.right) / 2, Self.bottom + 40, anchor: "middle"))
    return parts
  }

  private func x(_ index: Int) -> Double {
    Self.left + (Self.right - Self.left) * Double(index) / Double(max(steps.last?.index ?? 1, 1))
  }

  private static func y(_ value: Double, in range: ClosedRange<Double>) -> Double {
    let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    return bottom - min(max(share, 0), 1) * (bottom - top)
  }

  private func label(_ text: String, _ x: Double, _ y: Double, anchor: String) -> String {
    "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor)\" fill=\"#444444\">"
      + Self.escaped(text) + "</text>"
  }

  /// Four significant digits.
  private static func number(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return "0" }
    var scale = 1.0
    while value.magnitude * scale < 1000 { scale *= 10 }
    let rounded = (value * scale).rounded() / scale
    return rounded == rounded.rounded() && rounded.magnitude < 1e15 ? "\(Int(rounded))" : "\(rounded)"
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default:
        if scalar.properties.generalCategory != .control { result.unicodeScalars.append(scalar) }
      }
    }
    return result
  }
}
