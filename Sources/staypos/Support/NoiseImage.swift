import ImageDecoding
import StayposCore

/// Uniform noise, the same on every machine (SplitMix64), of any size without memory for it.
struct NoiseImage: PixelSource {
  let size: ImageSize
  private var position = 0
  private var generator = SplitMix64(seed: 1)

  init(_ size: ImageSize) {
    self.size = size
  }

  mutating func read(rows: Int, into pixels: inout MutableSpan<UInt8>) -> Int {
    let count = min(rows, size.height - position)
    var generator = generator
    for index in 0..<3 * size.width * count {
      pixels[index] = UInt8(truncatingIfNeeded: generator.next() >> 56)
    }
    self.generator = generator
    position += count
    return count
  }
}
