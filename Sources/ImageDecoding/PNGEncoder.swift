import CImageCodecs
import Glibc
import StayposCore

/// Why no image file was made.
package struct EncodingFailure: Error, Hashable, CustomStringConvertible {
  /// One line for people.
  package var detail: String

  package init(detail: String) {
    self.detail = detail
  }

  package var description: String { detail }
}

/// Writes images as 8-bit RGB PNGs.
package enum PNGEncoder {
  /// The PNG in memory.
  package static func encode(_ image: RGBImage) throws(EncodingFailure) -> [UInt8] {
    var failure = sp_failure()
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    sp_png_encode(image.pixels, UInt32(image.size.width), UInt32(image.size.height), &bytes, &count, &failure)
    guard let bytes else { throw EncodingFailure(detail: failure.text) }
    defer { free(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: count))
  }

  /// Writes the PNG to a descriptor from its position on, row by row. After an error part of it may have been written.
  /// - Parameter descriptor: borrowed.
  package static func write(_ image: RGBImage, to descriptor: CInt) throws(EncodingFailure) {
    var failure = sp_failure()
    let status = sp_png_write(
      image.pixels, UInt32(image.size.width), UInt32(image.size.height), descriptor, &failure)
    guard status == .SP_OK else { throw EncodingFailure(detail: failure.text) }
  }
}
