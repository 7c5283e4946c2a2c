import ImageDecoding
import StayposCore

/// Uniform noise, the same on every machine (SplitMix64), of any size without memory for it.
struct NoiseImage: PixelSource {
  let size: ImageSize
  private var position = 0
  private var state: UInt64 = 1

  init(_ size: ImageSize) {
    self.size = size
  }

  mutating func read(rows: Int, into pixels: inout MutableSpan<UInt8>) -> Int {
    let count = min(rows, size.height - position)
    var state = state
    for index in 0..<3 * size.width * count {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      pixels[index] = UInt8(truncatingIfNeeded: value >> 56)
    }
    self.state = state
    position += count
    return count
  }
}
