/// Lines over two axes, as SVG.
package struct Plot: Sendable {
  package var title: String
  /// Below the title, smaller.
  package var subtitle: String?
  package var x: Axis
  package var y: Axis
  /// At the right side, for series of something else; nil: there is none.
  package var secondY: Axis?
  package var series: [Series]
  /// Without an entry in the legend.
  package var references: [Reference]

  package init(
    title: String, subtitle: String? = nil, x: Axis, y: Axis, secondY: Axis? = nil, series: [Series],
    references: [Reference] = []
  ) {
    self.title = title
    self.subtitle = subtitle
    self.x = x
    self.y = y
    self.secondY = secondY
    self.series = series
    self.references = references
  }

  /// Something to compare with, thin and grey.
  package enum Reference: Sendable {
    case horizontal(Double)
    case vertical(Double)
    /// From one point to another.
    case line((x: Double, y: Double), (x: Double, y: Double))
  }

  package struct Series: Sendable {
    /// In the legend, if there is more than one.
    package var name: String
    /// From left to right; values that are not finite interrupt the line.
    package var points: [(x: Double, y: Double)]
    /// Behind the line.
    package var band: [(x: Double, lower: Double, upper: Double)]
    package var hasMarkers: Bool
    package var isDashed: Bool
    /// Among ``Palette/colours``; nil: by its place.
    package var colour: Int?
    /// Of ``Plot/secondY``.
    package var isSecond: Bool

    package init(
      _ name: String, points: [(x: Double, y: Double)], band: [(x: Double, lower: Double, upper: Double)] = [],
      hasMarkers: Bool = false, isDashed: Bool = false, colour: Int? = nil, isSecond: Bool = false
    ) {
      self.name = name
      self.points = points
      self.band = band
      self.hasMarkers = hasMarkers
      self.isDashed = isDashed
      self.colour = colour
      self.isSecond = isSecond
    }
  }

  /// The picture: an XML document.
  package var svg: String {
    let names = series.count > 1 ? series.map(\.name) : []
    let columns = ScaledAxis(x, series.flatMap { $0.points.map(\.x) })
    func rows(_ axis: Axis, second: Bool) -> ScaledAxis {
      ScaledAxis(
        axis,
        series.filter { $0.isSecond == second }.flatMap {
          $0.points.map(\.y) + $0.band.flatMap { [$0.lower, $0.upper] }
        })
    }
    var frame = Frame(
      title: title, subtitle: subtitle, x: columns, y: rows(y, second: false),
      secondY: secondY.map { rows($0, second: true) }, legend: names)
    frame.drawGrid()
    for reference in references { frame.draw(reference) }
    for (index, series) in series.enumerated() {
      let colour = Palette.colour(series.colour ?? index)
      frame.drawBand(series, colour)
      frame.drawLine(series, colour)
    }
    frame.drawAxes()
    let keys = zip(series.indices, series).map { (Palette.colour($1.colour ?? $0), $1.isDashed) }
    frame.drawLegend(names, keys)
    return frame.document.text
  }
}

/// Okabe and Ito's colours, which people who do not tell red from green can tell apart, without the yellow one.
package enum Palette {
  package static let colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333"]

  package static func colour(_ index: Int) -> String { colours[index % colours.count] }
}
