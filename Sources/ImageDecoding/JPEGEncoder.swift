import CImageCodecs
import Glibc
import StayposCore

/// Writes images as baseline JPEGs, as Pillow's `save(quality=…, subsampling=…)` does.
package enum JPEGEncoder {
  /// Chroma samples for each block of luma samples.
  package enum Sampling: String, Sendable, Hashable, Codable, CaseIterable {
    case full = "4:4:4"
    /// Half of them across.
    case halfWidth = "4:2:2"
    /// Half of them across and down: what most encoders do unless they are told otherwise.
    case half = "4:2:0"
  }

  /// The JPEG in memory.
  /// - Parameter quality: 1...100, libjpeg's scale.
  package static func encode(
    _ image: RGBImage, quality: Int, sampling: Sampling = .half
  ) throws(EncodingFailure) -> [UInt8] {
    precondition((1...100).contains(quality), "quality \(quality)")
    var failure = sp_failure()
    var bytes: UnsafeMutablePointer<UInt8>?
    var count = 0
    let status = sp_jpeg_encode(
      image.pixels, UInt32(image.size.width), UInt32(image.size.height), CInt(quality),
      sp_jpeg_sampling(sampling), &bytes, &count, &failure)
    guard status == .SP_OK, let bytes else { throw EncodingFailure(detail: failure.text) }
    defer { free(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: count))
  }
}

extension sp_jpeg_sampling {
  fileprivate init(_ sampling: JPEGEncoder.Sampling) {
    self =
      switch sampling {
      case .full: .SP_JPEG_444
      case .halfWidth: .SP_JPEG_422
      case .half: .SP_JPEG_420
      }
  }
}
