import ImageDecoding
import StayposCore

/// What happens to images on their way through the world, with its strength.
package enum ImageTransform: Sendable, Hashable {
  /// Quality 1...100, chroma at half width and height.
  case jpeg(quality: Int)
  /// Quality 0...100.
  case webp(quality: Double)
  /// To a square of so many pixels, whatever the shape was (bicubic).
  case resize(side: Int)
  /// Both sides by a factor (bicubic).
  case downsize(factor: Double)
  /// Standard deviation in pixels.
  case blur(sigma: Double)
  /// Standard deviation in levels.
  case noise(deviation: Double)
  /// Share of the highest frequency.
  case lowPass(cutoff: Double)
  /// Share removed of either side at a random place; what is left is enlarged to the old size (bicubic), or not.
  case crop(removed: Double, resizing: Bool)

  /// What it makes of an image of this size, or the size itself where that has more pixels.
  package func largerSize(of size: ImageSize) -> ImageSize {
    if case .resize(let side) = self, side * side > size.width * size.height {
      return ImageSize(width: side, height: side)
    }
    return size
  }

  /// - Parameter generator: for what is random.
  package func applied(
    to image: RGBImage, using generator: inout SplitMix64
  ) throws(EncodingFailure) -> RGBImage {
    switch self {
    case .jpeg(let quality):
      let bytes = try JPEGEncoder.encode(image, quality: quality)
      return try Self.decoded { () throws(DecodingFailure) in try RGBImage.decode(bytes: bytes, limits: .none) }
    case .webp(let quality):
      let bytes = try WEBP.encode(image, quality: quality)
      return try Self.decoded { () throws(DecodingFailure) in try WEBP.decode(bytes) }
    case .resize(let side): return image.resized(to: ImageSize(width: side, height: side))
    case .downsize(let factor):
      return image.resized(
        to: ImageSize(
          width: max(1, Int((Double(image.size.width) * factor).rounded())),
          height: max(1, Int((Double(image.size.height) * factor).rounded()))))
    case .blur(let sigma): return image.blurred(sigma: sigma)
    case .noise(let deviation): return image.noisy(deviation: deviation, using: &generator)
    case .lowPass(let cutoff): return image.lowPassed(cutoff: cutoff)
    case .crop(let removed, let resizing):
      let part = image.cropped(removing: removed, using: &generator)
      return resizing ? part.resized(to: image.size) : part
    }
  }

  /// What was encoded a moment ago cannot be damaged: failing to decode it is a failure of the transformation.
  private static func decoded(
    _ decode: () throws(DecodingFailure) -> RGBImage
  ) throws(EncodingFailure) -> RGBImage {
    do throws(DecodingFailure) {
      return try decode()
    } catch {
      throw EncodingFailure(detail: "\(error)")
    }
  }
}

extension ImageLimits {
  /// The image was in memory already.
  fileprivate static var none: ImageLimits { ImageLimits(bytes: .max, pixels: .max, memory: .max) }
}
