import ImageDecoding
import StayposCore

/// A picture to draw on, white at first.
struct Canvas {
  let width: Int
  let height: Int
  private var pixels: [UInt8]

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    pixels = Array(repeating: 255, count: 3 * width * height)
  }

  var image: RGBImage { RGBImage(size: ImageSize(width: width, height: height), pixels: pixels) }

  /// What lies outside the canvas is left out.
  mutating func set(_ x: Int, _ y: Int, _ colour: Colour) {
    guard (0..<width).contains(x), (0..<height).contains(y) else { return }
    let offset = 3 * (y * width + x)
    pixels[offset] = UInt8(colour.red.rounded())
    pixels[offset + 1] = UInt8(colour.green.rounded())
    pixels[offset + 2] = UInt8(colour.blue.rounded())
  }

  mutating func fill(x: Range<Int>, y: Range<Int>, _ colour: Colour) {
    for row in y {
      for column in x { set(column, row, colour) }
    }
  }

  /// - Parameters:
  ///   - x: left end of the line.
  ///   - y: top of its capitals.
  ///   - scale: pixels for each dot of the font.
  mutating func write(_ text: String, x: Int, y: Int, scale: Int, _ colour: Colour = Colour(grey: 32)) {
    for (index, character) in text.unicodeScalars.enumerated() {
      for column in 0..<5 {
        for row in 0..<8 where BitmapFont.isSet(character, column: column, row: row) {
          let left = x + (index * BitmapFont.advance + column) * scale
          let top = y + row * scale
          fill(x: left..<left + scale, y: top..<top + scale, colour)
        }
      }
    }
  }
}
