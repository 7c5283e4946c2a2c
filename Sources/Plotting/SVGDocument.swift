import StayposCore

/// A picture in SVG 1.1: shapes are added, the latest lies on top.
struct SVGDocument {
  let width: Double
  let height: Double
  private var body = ""

  /// White.
  init(width: Double, height: Double) {
    self.width = width
    self.height = height
    add("rect", ["width": "100%", "height": "100%", "fill": "#ffffff"])
  }

  var text: String {
    """
    <?xml version="1.0" encoding="UTF-8"?>
    <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.number(width))" height="\(Self.number(height))" \
    viewBox="0 0 \(Self.number(width)) \(Self.number(height))" font-family="Helvetica, Arial, sans-serif">
    \(body)</svg>

    """
  }

  mutating func line(_ from: Point, _ to: Point, stroke: String, width: Double = 1, dash: String? = nil) {
    var attributes = [
      "x1": Self.number(from.x), "y1": Self.number(from.y), "x2": Self.number(to.x), "y2": Self.number(to.y),
      "stroke": stroke, "stroke-width": Self.number(width),
    ]
    attributes["stroke-dasharray"] = dash
    add("line", attributes)
  }

  mutating func polyline(_ points: [Point], stroke: String, width: Double, dash: String? = nil) {
    guard points.count > 1 else { return }
    var attributes = [
      "points": Self.list(points), "fill": "none", "stroke": stroke, "stroke-width": Self.number(width),
      "stroke-linejoin": "round", "stroke-linecap": "round",
    ]
    attributes["stroke-dasharray"] = dash
    add("polyline", attributes)
  }

  mutating func polygon(_ points: [Point], fill: String, opacity: Double, stroke: String? = nil) {
    guard points.count > 2 else { return }
    var attributes = ["points": Self.list(points), "fill": fill, "fill-opacity": Self.number(opacity)]
    attributes["stroke"] = stroke
    add("polygon", attributes)
  }

  mutating func circle(_ center: Point, radius: Double, fill: String, opacity: Double = 1) {
    add(
      "circle",
      [
        "cx": Self.number(center.x), "cy": Self.number(center.y), "r": Self.number(radius), "fill": fill,
        "fill-opacity": Self.number(opacity),
      ])
  }

  enum Anchor: String {
    case start, middle, end
  }

  /// - Parameters:
  ///   - baseline: where the letters stand.
  ///   - rotation: in degrees around that point.
  mutating func write(
    _ string: String, at baseline: Point, size: Double, anchor: Anchor = .start, fill: String = "#333333",
    bold: Bool = false, rotation: Double = 0
  ) {
    var attributes = [
      "x": Self.number(baseline.x), "y": Self.number(baseline.y), "font-size": Self.number(size), "fill": fill,
      "text-anchor": anchor.rawValue,
    ]
    if bold { attributes["font-weight"] = "bold" }
    if rotation != 0 {
      attributes["transform"] =
        "rotate(\(Self.number(rotation)) \(Self.number(baseline.x)) \(Self.number(baseline.y)))"
    }
    add("text", attributes, content: string)
  }

  private mutating func add(_ element: String, _ attributes: [String: String], content: String? = nil) {
    let list = attributes.sorted { $0.key < $1.key }.map { " \($0.key)=\"\(Self.escaped($0.value))\"" }.joined()
    body += content.map { "<\(element)\(list)>\(Self.escaped($0))</\(element)>\n" } ?? "<\(element)\(list)/>\n"
  }

  private static func list(_ points: [Point]) -> String {
    points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
  }

  /// A hundredth of a pixel is enough.
  private static func number(_ value: Double) -> String {
    let text = value.fixed(2)
    guard text.contains(".") else { return text }
    let trimmed = text.reversed().drop { $0 == "0" }
    return String(String((trimmed.first == "." ? trimmed.dropFirst() : trimmed).reversed()))
  }

  /// Names come from directories: anything may be in them. XML has no control characters.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// About what a line takes, since nobody here can measure fonts: of Helvetica, and some more for what a viewer may have
  /// instead of it.
  static func width(of text: String, size: Double) -> Double {
    text.reduce(0) { width, character in
      let share =
        switch character {
        case "i", "j", "l", "I", "'", "|", ".", ",", ":", ";", "!", "t", "f", "r", " ", "(", ")", "[", "]", "-", "/":
          0.31
        case "m", "w", "M", "W", "%", "@", "—": 0.88
        case _ where character.isUppercase: 0.70
        default: 0.56
        }
      return width + 1.13 * share * size
    }
  }
}

/// In pixels, from the upper left corner.
struct Point {
  var x: Double
  var y: Double
}
