/// A plot's layout: title above, axes around, legend at the right.
struct Frame {
  private(set) var document: SVGDocument
  private let title: String
  private let subtitle: String?
  private let x: ScaledAxis
  private let y: ScaledAxis
  private let secondY: ScaledAxis?
  /// Of the y axis's longest tick.
  private let labelWidth: Double
  /// Where the legend begins.
  private let legendStart: Double
  let left: Double
  let right: Double
  let top: Double
  let bottom: Double

  private static let plotWidth = 560.0
  private static let plotHeight = 340.0
  private static let ink = "#333333"
  private static let faint = "#e4e4e4"
  /// From a legend's left end to its text.
  private static let keyWidth = 28.0
  /// Degrees, and what a slanted name takes in both directions.
  private static let slant = 35.0
  private static let (slantAcross, slantDown) = (0.82, 0.58)

  /// - Parameters:
  ///   - slanted: labels at the x axis are names, too long to stand side by side.
  ///   - width: of the area inside the axes.
  init(
    title: String, subtitle: String?, x: ScaledAxis, y: ScaledAxis, secondY: ScaledAxis? = nil, legend: [String],
    slanted: Bool = false, width: Double = Frame.plotWidth
  ) {
    self.title = title
    self.subtitle = subtitle
    self.x = x
    self.y = y
    self.secondY = secondY
    func labelWidth(_ axis: ScaledAxis) -> Double {
      axis.ticks(count: 6).map { SVGDocument.width(of: $0.label, size: 12) }.max() ?? 0
    }
    let labels = labelWidth(y)
    let slantedTicks = slanted ? x.ticks(count: 0) : []
    let names = slantedTicks.map { SVGDocument.width(of: $0.label, size: 12) }
    // How far each name reaches to the left of the axis.
    let overhang = zip(slantedTicks, names).map { $1 * Self.slantAcross + 8 - (x.share($0.value) ?? 0) * width }.max()
    self.labelWidth = labels
    left = max(48 + labels, overhang ?? 0)
    right = left + width
    legendStart = right + (secondY.map { labelWidth($0) + 44 } ?? 0) + 20
    top = subtitle == nil ? 48 : 66
    bottom = top + Self.plotHeight
    let below = slanted ? 34 + (names.max() ?? 0) * Self.slantDown : 54
    let beside = legend.map { SVGDocument.width(of: $0, size: 12) }.max().map { $0 + Self.keyWidth + 14 } ?? 4
    let heading = max(
      SVGDocument.width(of: title, size: 16) * 1.08, SVGDocument.width(of: subtitle ?? "", size: 12))
    document = SVGDocument(
      width: max(legendStart + beside, left + heading + 24),
      height: max(bottom + below, top + Double(legend.count) * 20 + 20))
  }

  /// Nil for what the axes do not have; may lie outside.
  private func point(_ x: Double, _ y: Double, second: Bool = false) -> Point? {
    guard let across = self.x.share(x), let up = (second ? secondY ?? self.y : self.y).share(y) else { return nil }
    return Point(x: left + across * (right - left), y: bottom - up * (bottom - top))
  }

  /// Cut to the area inside the axes: for lines that leave it.
  private func inside(_ point: Point) -> Point {
    Point(x: min(max(point.x, left), right), y: min(max(point.y, top), bottom))
  }

  mutating func drawGrid(vertical: Bool = true) {
    document.write(title, at: Point(x: left, y: 26), size: 16, bold: true)
    if let subtitle { document.write(subtitle, at: Point(x: left, y: 46), size: 12, fill: "#666666") }
    if vertical {
      for tick in x.ticks(count: 8) {
        guard let place = point(tick.value, y.range.lowerBound) else { continue }
        document.line(Point(x: place.x, y: top), Point(x: place.x, y: bottom), stroke: Self.faint)
      }
    }
    for tick in y.ticks(count: 6) {
      guard let place = point(x.range.lowerBound, tick.value) else { continue }
      document.line(Point(x: left, y: place.y), Point(x: right, y: place.y), stroke: Self.faint)
    }
  }

  mutating func drawAxes(slanted: Bool = false) {
    document.polyline(
      [Point(x: left, y: top), Point(x: left, y: bottom), Point(x: right, y: bottom)], stroke: Self.ink, width: 1)
    for tick in x.ticks(count: 8) {
      guard let place = point(tick.value, y.range.lowerBound) else { continue }
      document.line(Point(x: place.x, y: bottom), Point(x: place.x, y: bottom + 5), stroke: Self.ink)
      if slanted {
        document.write(
          tick.label, at: Point(x: place.x + 4, y: bottom + 18), size: 12, anchor: .end,
          rotation: -Self.slant)
      } else {
        document.write(tick.label, at: Point(x: place.x, y: bottom + 20), size: 12, anchor: .middle)
      }
    }
    for tick in y.ticks(count: 6) {
      guard let place = point(x.range.lowerBound, tick.value) else { continue }
      document.line(Point(x: left - 5, y: place.y), Point(x: left, y: place.y), stroke: Self.ink)
      document.write(tick.label, at: Point(x: left - 9, y: place.y + 4), size: 12, anchor: .end)
    }
    drawSecondAxis()
    document.write(
      x.axis.label, at: Point(x: (left + right) / 2, y: document.height - 12), size: 13, anchor: .middle)
    document.write(
      y.axis.label, at: Point(x: left - labelWidth - 30, y: (top + bottom) / 2), size: 13, anchor: .middle,
      rotation: -90)
  }

  private mutating func drawSecondAxis() {
    guard let secondY else { return }
    document.line(Point(x: right, y: top), Point(x: right, y: bottom), stroke: Self.ink)
    for tick in secondY.ticks(count: 6) {
      guard let place = point(x.range.lowerBound, tick.value, second: true) else { continue }
      document.line(Point(x: right, y: place.y), Point(x: right + 5, y: place.y), stroke: Self.ink)
      document.write(tick.label, at: Point(x: right + 9, y: place.y + 4), size: 12)
    }
    document.write(
      secondY.axis.label, at: Point(x: legendStart - 22, y: (top + bottom) / 2), size: 13, anchor: .middle,
      rotation: -90)
  }

  mutating func draw(_ reference: Plot.Reference) {
    let ends: (Point?, Point?) =
      switch reference {
      case .horizontal(let value):
        (point(x.range.lowerBound, value), point(x.range.upperBound, value))
      case .vertical(let value): (point(value, y.range.lowerBound), point(value, y.range.upperBound))
      case .line(let from, let to): (point(from.x, from.y), point(to.x, to.y))
      }
    guard let from = ends.0, let to = ends.1 else { return }
    document.line(inside(from), inside(to), stroke: "#999999", dash: "4 4")
  }

  mutating func drawBand(_ series: Plot.Series, _ colour: String) {
    let upper = series.band.compactMap { point($0.x, $0.upper, second: series.isSecond).map(inside) }
    let lower = series.band.compactMap { point($0.x, $0.lower, second: series.isSecond).map(inside) }
    document.polygon(upper + lower.reversed(), fill: colour, opacity: 0.16)
  }

  mutating func drawLine(_ series: Plot.Series, _ colour: String) {
    var run: [Point] = []
    let dash = series.isDashed ? "7 4" : nil
    for place in series.points {
      guard let point = point(place.x, place.y, second: series.isSecond) else {
        document.polyline(run, stroke: colour, width: 2, dash: dash)
        run = []
        continue
      }
      run.append(inside(point))
      if series.hasMarkers { document.circle(inside(point), radius: 3.5, fill: colour) }
    }
    document.polyline(run, stroke: colour, width: 2, dash: dash)
  }

  /// - Parameter keys: colour, and whether it is dashed.
  mutating func drawLegend(_ names: [String], _ keys: [(colour: String, isDashed: Bool)]) {
    for (index, (name, key)) in zip(names, keys).enumerated() {
      let y = top + 10 + Double(index) * 20
      document.line(
        Point(x: legendStart, y: y), Point(x: legendStart + Self.keyWidth - 6, y: y), stroke: key.colour, width: 3,
        dash: key.isDashed ? "7 4" : nil)
      document.write(name, at: Point(x: legendStart + Self.keyWidth, y: y + 4), size: 12)
    }
  }
}

extension Frame {
  /// One distribution around a place on the x axis.
  /// - Parameters:
  ///   - outline: its widths, as shares of the room that there is, at values of the y axis.
  ///   - dots: single values; drawn instead of the outline if that is empty.
  mutating func drawViolin(
    at place: Double, outline: [(value: Double, width: Double)], quartiles: (Double, Double, Double)?, dots: [Double],
    room: Double, _ colour: String
  ) {
    guard let share = x.share(place) else { return }
    let center = left + share * (right - left)
    func height(_ value: Double) -> Double? {
      y.share(value).map { min(max(bottom - $0 * (bottom - top), top), bottom) }
    }
    let half = room * (right - left) / 2
    let rightSide = outline.compactMap { part in
      height(part.value).map { Point(x: center + part.width * half, y: $0) }
    }
    let leftSide = rightSide.map { Point(x: 2 * center - $0.x, y: $0.y) }
    document.polygon(rightSide + leftSide.reversed(), fill: colour, opacity: 0.3, stroke: colour)
    for dot in dots {
      guard let y = height(dot) else { continue }
      document.circle(Point(x: center, y: y), radius: 3, fill: colour, opacity: 0.6)
    }
    guard let quartiles, let first = height(quartiles.0), let median = height(quartiles.1),
      let third = height(quartiles.2)
    else { return }
    document.line(Point(x: center, y: first), Point(x: center, y: third), stroke: Self.ink, width: 4)
    document.circle(Point(x: center, y: median), radius: 4.5, fill: Self.ink)
    document.circle(Point(x: center, y: median), radius: 3, fill: "#ffffff")
  }
}
