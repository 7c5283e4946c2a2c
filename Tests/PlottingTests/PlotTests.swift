import Foundation
import FoundationXML
import TestSupport
import Testing

@testable import Plotting

/// The elements of a picture, as somebody else's XML parser sees them.
final class Elements: NSObject, XMLParserDelegate {
  private(set) var all: [(name: String, attributes: [String: String], text: String)] = []

  /// Nil if it is no well-formed XML.
  init?(_ svg: String) {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    guard parser.parse() else { return nil }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    all.append((name, attributes, ""))
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    all[all.count - 1].text += text
  }

  func named(_ name: String) -> [[String: String]] { all.filter { $0.name == name }.map(\.attributes) }

  var texts: [String] { all.filter { $0.name == "text" }.map { $0.text.trimmingCharacters(in: .newlines) } }
}

@Suite struct PlotTests {
  private func coordinates(_ attributes: [String: String]) throws -> (x: Double, y: Double) {
    (try #require(Double(attributes["cx"] ?? "")), try #require(Double(attributes["cy"] ?? "")))
  }

  @Test func pointsLieWhereTheAxesSay() throws {
    let plot = Plot(
      title: "t", x: Axis("x", range: 0...10), y: Axis("y", range: 0...1),
      series: [.init("one", points: [(0, 0), (5, 0.5), (10, 1)], hasMarkers: true)])
    let elements = try #require(Elements(plot.svg))
    let points = try elements.named("circle").map(coordinates)
    try #require(points.count == 3)
    #expect(abs(points[1].x - (points[0].x + points[2].x) / 2) < 0.02)
    #expect(abs(points[1].y - (points[0].y + points[2].y) / 2) < 0.02)
    #expect(points[0].x < points[2].x && points[0].y > points[2].y)

    var reversed = plot
    reversed.x.isReversed = true
    let mirrored = try #require(Elements(reversed.svg)).named("circle").map(coordinates)
    #expect(mirrored[0].x == points[2].x && mirrored[0].y == points[0].y)

    var logarithmic = plot
    logarithmic.y = Axis("y", scale: .logarithmic, range: 0.01...1)
    logarithmic.series[0].points = [(0, 0.01), (5, 0.1), (10, 1)]
    let decades = try #require(Elements(logarithmic.svg)).named("circle").map(coordinates)
    #expect(abs(decades[1].y - points[1].y) < 0.02)
  }

  /// Series of the right axis keep its scale, and the legend does not lie upon its labels.
  @Test func aSecondAxis() throws {
    let plot = Plot(
      title: "t", x: Axis("x", range: 0...2, isWhole: true), y: Axis("loss", range: 0...50),
      secondY: Axis("accuracy", range: 0...1),
      series: [
        .init("first", points: [(0, 25)], hasMarkers: true),
        .init("second", points: [(0, 0.5), (1, 1)], hasMarkers: true, isSecond: true),
      ])
    let elements = try #require(Elements(plot.svg))
    let points = try elements.named("circle").map(coordinates)
    #expect(points[0].y == points[1].y && points[2].y < points[1].y)
    #expect(elements.texts.contains("accuracy") && elements.texts.contains("0.2"))
    // Halves of what is counted would make no sense.
    #expect(elements.texts.filter { ["0", "1", "2", "0.5", "1.5"].contains($0) }.sorted() == ["0", "0", "1", "2"])
    let names = elements.all.filter { $0.name == "text" }
    let legend = try #require(names.first { $0.text.hasPrefix("second") }.flatMap { Double($0.attributes["x"] ?? "") })
    let label = try #require(names.first { $0.text.hasPrefix("accuracy") }.flatMap { Double($0.attributes["x"] ?? "") })
    #expect(legend > label + 10)
  }

  @Test func anythingMayBeInANameOrAValue() throws {
    let plot = Plot(
      title: "<a & \"b\">\u{1}", subtitle: "5 % > 1 %", x: Axis("<x>"), y: Axis("&", scale: .logarithmic),
      series: [
        .init("a<b", points: [(0, .nan), (1, -1), (2, 0), (.infinity, 3), (4, 1e300), (5, 1e-300)], hasMarkers: true),
        .init("empty", points: []), .init("one", points: [(1, 1)], band: [(1, .nan, 2)]),
      ], references: [.horizontal(-5), .vertical(.nan), .line((0, 0), (1, 1))])
    let elements = try #require(Elements(plot.svg))
    #expect(elements.texts.contains("a<b") && elements.texts.contains("<a & \"b\">\u{FFFD}"))
    for attributes in elements.all.map(\.attributes) {
      #expect(!attributes.values.contains { $0.contains("nan") || $0.contains("inf") })
    }
    let none = Plot(title: "", x: Axis("x"), y: Axis("y", scale: .logarithmic), series: [])
    #expect(Elements(none.svg) != nil)
  }

  /// What leaves the axes is cut, not drawn over the margins.
  @Test func linesStayInside() throws {
    let plot = Plot(
      title: "", x: Axis("x", range: 0...1), y: Axis("y", range: 0...1),
      series: [.init("one", points: [(0.5, -100), (0.6, 100), (50, 0.5)], hasMarkers: true)])
    let elements = try #require(Elements(plot.svg))
    let frame = try #require(
      elements.named("polyline").last?["points"]?.split(separator: " ").map { pair in
        pair.split(separator: ",").compactMap { Double($0) }
      })
    for point in try elements.named("circle").map(coordinates) {
      #expect(point.x >= frame[0][0] && point.x <= frame[2][0])
      #expect(point.y >= frame[0][1] && point.y <= frame[1][1])
    }
  }

  @Test func ticksAreRoundAndInside() {
    for seed in UInt64(0)..<500 {
      var random = SeededGenerator(seed: seed)
      let lower = Double.random(in: -1000...1000, using: &random)
      let range = lower...lower + exp(Double.random(in: -9...9, using: &random))
      let axis = ScaledAxis(Axis("", range: range), [])
      let ticks = axis.ticks(count: 6)
      #expect((2...13).contains(ticks.count), "seed \(seed): \(range) \(ticks)")
      #expect(ticks.allSatisfy { axis.contains($0.value) }, "seed \(seed)")
      #expect(Set(ticks.map(\.label)).count == ticks.count, "seed \(seed): \(ticks)")
      for tick in ticks {
        let shown = Double(tick.label) ?? .nan
        #expect(abs(shown - tick.value) < (range.upperBound - range.lowerBound) * 1e-6, "seed \(seed): \(tick)")
      }
    }
  }

  @Test func labels() {
    for (value, label) in [
      (0, "0"), (1, "1"), (0.5, "0.5"), (100, "100"), (1e6, "10⁶"), (2e-5, "2×10⁻⁵"), (0.0001, "0.0001"),
      (-2.5, "-2.5"),
      (1234.5678, "1235"),
    ] as [(Double, String)] {
      #expect(ScaledAxis.label(value) == label)
    }
  }

  @Test func violins() throws {
    var random = SeededGenerator(seed: 1)
    let values = (0..<400).map { _ in (0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &random) } }
    let density = ViolinPlot.density(values.sorted())
    let mode = try #require(density.max { $0.width < $1.width })
    #expect(abs(mode.value) < 0.5 && mode.width == 1)
    #expect(density.first.map { $0.width < 0.1 } == true && density.last.map { $0.width < 0.1 } == true)

    let plot = ViolinPlot(
      title: "scores", y: Axis("logit"),
      groups: [
        .init("many", values: values), .init("few", values: [1, 2, 3]),
        .init("same", values: Array(repeating: 1, count: 9)),
        .init("none", values: []),
      ])
    let elements = try #require(Elements(plot.svg))
    #expect(elements.named("polygon").count == 1)
    #expect(elements.texts.contains("few (3)"))
    // Three values, and two circles for each of the three medians.
    #expect(elements.named("circle").count == 3 + 6)
  }

  /// Slanted names end at their place and begin where there is still paper.
  @Test func namesUnderAViolinAreWhole() throws {
    let names = ["short", "a very long name of a kind of images, the second", "x", "another long name"]
    let plot = ViolinPlot(title: "scores", y: Axis("logit"), groups: names.map { .init($0, values: [1, 2]) })
    let elements = try #require(Elements(plot.svg))
    let paper = try #require(elements.named("svg").first)
    let height = try #require(Double(paper["height"] ?? ""))
    for name in names {
      let label = try #require(elements.all.first { $0.name == "text" && $0.text.hasPrefix("\(name) (2)") })
      let x = try #require(Double(label.attributes["x"] ?? ""))
      let y = try #require(Double(label.attributes["y"] ?? ""))
      let length = SVGDocument.width(of: "\(name) (2)", size: 12)
      #expect(x - length * cos(35 * Double.pi / 180) >= 0, "\(name)")
      #expect(y + length * sin(35 * Double.pi / 180) <= height, "\(name)")
    }
  }
}
