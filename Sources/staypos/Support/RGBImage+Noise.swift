import ImageDecoding
import StayposCore

extension RGBImage {
  /// Uniform noise, the same on every machine (SplitMix64).
  static func noise(_ size: ImageSize) -> RGBImage {
    var state: UInt64 = 1
    let pixels = (0..<3 * size.width * size.height).map { _ -> UInt8 in
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      return UInt8(truncatingIfNeeded: value >> 56)
    }
    return RGBImage(size: size, pixels: pixels)
  }
}
