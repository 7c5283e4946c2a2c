import Detection
import ImageDecoding
import StayposCore

/// The evidence map over the image, with its scale and what it adds up to.
///
/// Colour and image are mixed in a fixed proportion, so that a colour means the same wherever it is; the scale shows
/// each value's colour over black, grey and white parts of an image.
struct EvidencePicture {
  var image: RGBImage
  var map: EvidenceMap
  var geometry: MapGeometry
  var scale: ValueScale
  /// Above the image.
  var title: [String]
  /// Below it: what the colours are.
  var caption: [String]

  /// The longer side of the image in the picture is enlarged or reduced, by whole factors, to lie in this range if it
  /// can.
  private static let sides = 512...2048
  /// The share of the colour in the mixture.
  private static let opacity = 0.6

  func draw() -> Canvas {
    let longest = max(image.size.width, image.size.height)
    let enlargement = max(1, Self.sides.lowerBound / longest)
    let reduction = (longest + Self.sides.upperBound - 1) / Self.sides.upperBound
    let width = image.size.width * enlargement / reduction
    let height = image.size.height * enlargement / reduction
    let (shownWidth, shownHeight) = (max(width, 1), max(height, 1))

    let dot = max(1, min(4, max(shownWidth, shownHeight) / 450 + 1))
    let layout = Layout(
      dot: dot, width: shownWidth, height: shownHeight,
      labels: (scale.ticks(count: 6) + [(scale.maximum, scale.maximum.fixed(2))]).map(\.label), title: title,
      caption: caption)
    var canvas = Canvas(width: layout.canvasWidth, height: layout.canvasHeight)
    for (index, line) in title.enumerated() {
      canvas.write(line, x: layout.margin, y: layout.margin + index * layout.lineHeight, scale: dot)
    }
    for y in 0..<shownHeight {
      for x in 0..<shownWidth {
        // The centre of the shown pixel in pixels of the image.
        let column = (Double(x) + 0.5) * Double(reduction) / Double(enlargement) - 0.5
        let row = (Double(y) + 0.5) * Double(reduction) / Double(enlargement) - 0.5
        let luminance = luminance(x * reduction / enlargement, y * reduction / enlargement, side: reduction)
        let value = map.value(atColumn: column, row: row, geometry)
        canvas.set(layout.imageLeft + x, layout.imageTop + y, mixture(value, luminance))
      }
    }
    drawScale(on: &canvas, layout)
    for (index, line) in caption.enumerated() {
      canvas.write(line, x: layout.margin, y: layout.captionTop + index * layout.lineHeight, scale: dot)
    }
    return canvas
  }

  private func drawScale(on canvas: inout Canvas, _ layout: Layout) {
    let columns = layout.scaleLeft..<layout.scaleLeft + layout.scaleWidth
    let rows = layout.imageTop..<layout.imageTop + layout.scaleHeight
    for y in rows {
      let share = 1 - (Double(y - rows.lowerBound) + 0.5) / Double(rows.count)
      for x in columns {
        let luminance = 255 * Double(x - columns.lowerBound) / Double(columns.count - 1)
        canvas.set(x, y, mixture(scale.minimum + share * (scale.maximum - scale.minimum), luminance))
      }
    }
    for tick in Self.ticks(scale, layout) {
      let y = rows.upperBound - 1 - Int((scale.share(tick.value) * Double(rows.count - 1)).rounded())
      canvas.fill(
        x: columns.upperBound..<columns.upperBound + 3 * layout.dot, y: y..<y + layout.dot, Colour(grey: 32))
      canvas.write(
        tick.label, x: columns.upperBound + 5 * layout.dot, y: y - BitmapFont.height * layout.dot / 2,
        scale: layout.dot)
    }
  }

  /// Round numbers, and the value at the top where there is room for it.
  private static func ticks(_ scale: ValueScale, _ layout: Layout) -> [(value: Double, label: String)] {
    let line = Double(layout.lineHeight) / Double(layout.scaleHeight)
    let ticks = scale.ticks(count: max(2, min(6, layout.scaleHeight / (3 * layout.lineHeight))))
    let digits = ticks.last.map { $0.label.split(separator: ".").dropFirst().first?.count ?? 0 } ?? 0
    return ticks.filter { scale.share($0.value) < 1 - line } + [(scale.maximum, scale.maximum.fixed(digits + 1))]
  }

  private func mixture(_ value: Double, _ luminance: Double) -> Colour {
    Colour(grey: luminance).mixed(with: ColourRamp.colour(scale.share(value)), share: Self.opacity)
  }

  /// Mean luma (Rec. 601) of a square of the image, 0...255.
  private func luminance(_ left: Int, _ top: Int, side: Int) -> Double {
    var sum = 0.0
    var count = 0
    for y in top..<min(top + side, image.size.height) {
      for x in left..<min(left + side, image.size.width) {
        let offset = 3 * (y * image.size.width + x)
        sum +=
          0.299 * Double(image.pixels[offset]) + 0.587 * Double(image.pixels[offset + 1])
          + 0.114 * Double(image.pixels[offset + 2])
        count += 1
      }
    }
    return count == 0 ? 0 : sum / Double(count)
  }

  /// Title over image, scale to the right of the image, caption under both.
  private struct Layout {
    var dot: Int
    var margin: Int
    var lineHeight: Int
    var imageLeft: Int
    var imageTop: Int
    var scaleLeft: Int
    var scaleWidth: Int
    var scaleHeight: Int
    var captionTop: Int
    var canvasWidth: Int
    var canvasHeight: Int

    init(dot: Int, width: Int, height: Int, labels: [String], title: [String], caption: [String]) {
      self.dot = dot
      margin = 8 * dot
      lineHeight = 11 * dot
      imageLeft = margin
      imageTop = margin + title.count * lineHeight + 3 * dot
      scaleLeft = imageLeft + width + 2 * margin
      scaleWidth = 18 * dot
      // A scale needs some height even beside a panorama.
      scaleHeight = max(height, 60 * dot)
      captionTop = imageTop + scaleHeight + margin
      let labelWidth = dot * (labels.map(BitmapFont.width).max() ?? 0)
      let textWidth = dot * ((title + caption).map(BitmapFont.width).max() ?? 0)
      canvasWidth = max(scaleLeft + scaleWidth + 5 * dot + labelWidth + margin, textWidth + 2 * margin)
      canvasHeight = captionTop + caption.count * lineHeight + margin
    }
  }
}
