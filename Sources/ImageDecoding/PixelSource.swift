import StayposCore

/// Somebody who gives an image row by row, from top to bottom.
package protocol PixelSource: ~Copyable {
  var size: ImageSize { get }

  /// Gives the next rows as 8-bit RGB, tightly packed.
  /// - Parameters:
  ///   - rows: how many at most.
  ///   - pixels: room for them.
  /// - Returns: how many; fewer than `rows` at the end of the image only.
  mutating func read(rows: Int, into pixels: inout MutableSpan<UInt8>) throws(DecodingFailure) -> Int
}

extension ImageReader: PixelSource {}

/// The rows of an image that is in memory already.
package struct RGBImageRows: PixelSource {
  private let image: RGBImage
  private var position = 0

  package init(_ image: RGBImage) {
    self.image = image
  }

  package var size: ImageSize { image.size }

  package mutating func read(rows: Int, into pixels: inout MutableSpan<UInt8>) -> Int {
    let count = min(rows, size.height - position)
    let bytes = 3 * size.width * position..<3 * size.width * (position + count)
    precondition(pixels.count >= bytes.count, "no room for \(count) rows")
    pixels.withUnsafeMutableBufferPointer { target in
      image.pixels.withUnsafeBufferPointer { source in
        _ = target.update(fromContentsOf: UnsafeBufferPointer(rebasing: source[bytes]))
      }
    }
    position += count
    return count
  }
}
