import CWebP
import ImageDecoding
import StayposCore

extension RGBImage {
  /// What a lossy WebP of this quality (0...100) leaves of it. nil: libwebp has no memory, or the image is beyond its 16,383
  /// pixels a side.
  package func throughWebP(quality: Int) -> RGBImage? {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = WebPEncodeRGB(
      pixels, CInt(size.width), CInt(size.height), CInt(3 * size.width), Float(quality), &bytes)
    defer { WebPFree(bytes) }
    guard count > 0, let bytes else { return nil }
    var (width, height): (CInt, CInt) = (0, 0)
    guard let decoded = WebPDecodeRGB(bytes, count, &width, &height) else { return nil }
    defer { WebPFree(decoded) }
    let buffer = UnsafeBufferPointer(start: decoded, count: 3 * Int(width) * Int(height))
    return RGBImage(size: ImageSize(width: Int(width), height: Int(height)), pixels: Array(buffer))
  }
}
