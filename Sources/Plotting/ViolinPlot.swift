import Glibc
import StayposCore

/// Distributions side by side: an estimate of the density, mirrored, with median and quartiles.
package struct ViolinPlot: Sendable {
  package var title: String
  package var subtitle: String?
  package var y: Axis
  package var groups: [Group]
  package var references: [Plot.Reference]

  package struct Group: Sendable {
    package var name: String
    package var values: [Double]
    /// Among ``Palette/colours``.
    package var colour: Int

    package init(_ name: String, values: [Double], colour: Int = 0) {
      self.name = name
      self.values = values
      self.colour = colour
    }
  }

  package init(
    title: String, subtitle: String? = nil, y: Axis, groups: [Group], references: [Plot.Reference] = []
  ) {
    self.title = title
    self.subtitle = subtitle
    self.y = y
    self.groups = groups
    self.references = references
  }

  /// Fewer values make no density: they are drawn as they are.
  private static let fewest = 8

  /// The picture: an XML document.
  package var svg: String {
    let labels = Dictionary(
      uniqueKeysWithValues: groups.enumerated().map { (Double($0), "\($1.name) (\($1.values.count))") })
    let x = ScaledAxis(
      Axis(
        "", range: -0.5...Double(max(groups.count, 1)) - 0.5, ticks: groups.indices.map { Double($0) },
        tickLabels: labels), [])
    let rows = ScaledAxis(y, groups.flatMap(\.values))
    var frame = Frame(
      title: title, subtitle: subtitle, x: x, y: rows, legend: [], slanted: true,
      width: min(max(Double(groups.count) * 52, 360), 1400))
    frame.drawGrid(vertical: false)
    for reference in references { frame.draw(reference) }
    for (index, group) in groups.enumerated() {
      let values = group.values.filter(\.isFinite).sorted()
      let few = values.count < Self.fewest
      frame.drawViolin(
        at: Double(index), outline: few ? [] : Self.density(values),
        quartiles: values.isEmpty
          ? nil : (Quantile.of(values, 0.25), Quantile.of(values, 0.5), Quantile.of(values, 0.75)),
        dots: few ? values : [], room: 0.86 / Double(groups.count), Palette.colour(group.colour))
    }
    frame.drawAxes(slanted: true)
    return frame.document.text
  }

  /// By a Gaussian kernel of Silverman's width; scaled to 1 at its highest, cut off at the extremes.
  static func density(_ sorted: [Double]) -> [(value: Double, width: Double)] {
    let count = Double(sorted.count)
    let mean = sorted.reduce(0, +) / count
    let deviation = (sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)).squareRoot()
    let spread = (Quantile.of(sorted, 0.75) - Quantile.of(sorted, 0.25)) / 1.34
    let width = 0.9 * (spread > 0 ? min(deviation, spread) : deviation) * pow(count, -0.2)
    guard width > 0, let least = sorted.first, let greatest = sorted.last else { return [] }
    let steps = 80
    let densities = (0...steps).map { step in
      let value = least + (greatest - least) * Double(step) / Double(steps)
      return (value, sorted.reduce(0) { $0 + exp(-0.5 * (($1 - value) / width) * (($1 - value) / width)) })
    }
    let highest = densities.map(\.1).max() ?? 1
    return densities.map { ($0.0, $0.1 / highest) }
  }
}
