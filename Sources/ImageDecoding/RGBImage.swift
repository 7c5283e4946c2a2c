import StayposCore

/// A whole image in memory, 8 bits a sample.
package struct RGBImage: Sendable, Hashable {
  package let size: ImageSize
  /// height × width × 3: rows from top to bottom, R, G, B.
  package var pixels: [UInt8] {
    didSet { precondition(pixels.count == oldValue.count, "the size of an image is fixed") }
  }

  package init(size: ImageSize, pixels: [UInt8]) {
    precondition(size.width > 0 && size.height > 0 && pixels.count == size.width * size.height * 3)
    self.size = size
    self.pixels = pixels
  }
}

extension RGBImage {
  /// Decodes a regular file as ``ImageReader`` does. The pixels too have to fit into the limit of memory.
  /// - Parameter descriptor: borrowed.
  package static func decode(descriptor: CInt, limits: ImageLimits) throws(DecodingFailure) -> RGBImage {
    var reader = try ImageReader(descriptor: descriptor, limits: limits)
    return try RGBImage(readingAll: &reader, limits: limits)
  }

  /// Decodes a file in memory.
  package static func decode(bytes: [UInt8], limits: ImageLimits) throws(DecodingFailure) -> RGBImage {
    var reader = try ImageReader(bytes: bytes, limits: limits)
    return try RGBImage(readingAll: &reader, limits: limits)
  }

  /// - Parameter reader: at its first row.
  package init(readingAll reader: inout ImageReader, limits: ImageLimits) throws(DecodingFailure) {
    let size = reader.size
    // Of a product within the limit of pixels.
    guard size.width * size.height <= limits.memory / 3 else {
      throw DecodingFailure(
        reason: .tooLarge,
        detail: "the pixels take 3 × \(size.width) × \(size.height) bytes, more than the limit of \(limits.memory)")
    }
    var pixels = [UInt8](repeating: 0, count: size.width * size.height * 3)
    var span = pixels.mutableSpan
    _ = try reader.read(rows: size.height, into: &span)
    self.init(size: size, pixels: pixels)
  }
}
