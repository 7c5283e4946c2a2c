import ImageDecoding
import StayposCore

extension RGBImage {
  /// A part of the image, which has to lie inside it.
  package func cropped(x: Int, y: Int, to part: ImageSize) -> RGBImage {
    precondition(
      x >= 0 && y >= 0 && part.width > 0 && part.height > 0 && x + part.width <= size.width
        && y + part.height <= size.height)
    var result: [UInt8] = []
    result.reserveCapacity(part.width * part.height * 3)
    for row in y..<y + part.height {
      let start = (row * size.width + x) * 3
      result += pixels[start..<start + part.width * 3]
    }
    return RGBImage(size: part, pixels: result)
  }

  /// A part of the same shape at a random place.
  /// - Parameter removed: share of either side, 0..<1.
  package func cropped(removing removed: Double, using generator: inout SplitMix64) -> RGBImage {
    precondition(removed >= 0 && removed < 1)
    let part = ImageSize(
      width: max(1, Int((Double(size.width) * (1 - removed)).rounded())),
      height: max(1, Int((Double(size.height) * (1 - removed)).rounded())))
    let x = generator.nextIndex(below: size.width - part.width + 1)
    let y = generator.nextIndex(below: size.height - part.height + 1)
    return cropped(x: x, y: y, to: part)
  }
}
