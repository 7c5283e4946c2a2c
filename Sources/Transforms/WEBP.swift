import CWebP
import ImageDecoding
import StayposCore

/// WEBP through libwebp, for robustness tests and augmentation. Not for uploads: the scorer does not know the format.
package enum WEBP {
  /// In pixels: the format has no larger images.
  package static let longestSide = Int(WEBP_MAX_DIMENSION)

  /// Lossy, with libwebp's other settings as they are, like Pillow's `save(quality=…)`.
  /// - Parameter quality: 0...100.
  package static func encode(_ image: RGBImage, quality: Double) throws(EncodingFailure) -> [UInt8] {
    guard max(image.size.width, image.size.height) <= longestSide else {
      throw EncodingFailure(detail: "WEBP has no images of more than \(longestSide) pixels a side")
    }
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = WebPEncodeRGB(
      image.pixels, CInt(image.size.width), CInt(image.size.height), CInt(3 * image.size.width), Float(quality), &bytes)
    guard count > 0, let bytes else { throw EncodingFailure(detail: "libwebp cannot encode the image") }
    defer { WebPFree(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: count))
  }

  package static func decode(_ bytes: [UInt8]) throws(DecodingFailure) -> RGBImage {
    var (width, height) = (CInt(0), CInt(0))
    guard let pixels = WebPDecodeRGB(bytes, bytes.count, &width, &height), width > 0, height > 0 else {
      throw DecodingFailure(reason: .corrupt, detail: "libwebp cannot decode the image")
    }
    defer { WebPFree(pixels) }
    let size = ImageSize(width: Int(width), height: Int(height))
    return RGBImage(
      size: size, pixels: Array(UnsafeBufferPointer(start: pixels, count: size.width * size.height * 3)))
  }
}
