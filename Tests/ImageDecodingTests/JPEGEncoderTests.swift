import StayposCore
import TestSupport
import Testing

@testable import ImageDecoding

/// Equality with Pillow's pixels: `TransformsTests.ReferenceTests`.
struct JPEGEncoderTests {
  private func noise(_ width: Int, _ height: Int) -> RGBImage {
    var random = SeededGenerator(seed: UInt64(width) << 32 | UInt64(height))
    return RGBImage(
      size: ImageSize(width: width, height: height),
      pixels: (0..<(width * height * 3)).map { _ in .random(in: 0...255, using: &random) })
  }

  /// The largest one grows beyond the first block of the encoder's buffer, more than once.
  @Test(arguments: [(1, 1), (1, 40), (17, 9), (400, 300)], JPEGEncoder.Sampling.allCases)
  func whatIsWrittenIsRead(_ size: (Int, Int), _ sampling: JPEGEncoder.Sampling) throws {
    let image = noise(size.0, size.1)
    let bytes = try JPEGEncoder.encode(image, quality: 100, sampling: sampling)
    let decoded = try RGBImage.decode(bytes: bytes, limits: ImageLimits())
    #expect(decoded.size == image.size)
    if size.0 == 400 { #expect(bytes.count > 2 << 16) }
    // Without less chroma there is rounding alone.
    if sampling == .full {
      #expect(zip(decoded.pixels, image.pixels).allSatisfy { abs(Int($0) - Int($1)) < 8 })
    }
  }

  @Test func qualityDecides() throws {
    let image = noise(64, 64)
    let sizes = try [1, 25, 50, 75, 100].map { try JPEGEncoder.encode(image, quality: $0).count }
    #expect(sizes == sizes.sorted() && Set(sizes).count == sizes.count)
  }

  @Test func whatJPEGCannotHold() {
    let wide = RGBImage(size: ImageSize(width: 65_501, height: 1), pixels: Array(repeating: 0, count: 3 * 65_501))
    #expect(throws: EncodingFailure.self) { try JPEGEncoder.encode(wide, quality: 50) }
  }
}
