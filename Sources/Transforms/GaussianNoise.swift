import ImageDecoding
import StayposCore

extension RGBImage {
  /// Adds independent noise to each sample, rounds and clips.
  /// - Parameter deviation: its standard deviation in levels (0...255).
  package func noisy(deviation: Double, using generator: inout SplitMix64) -> RGBImage {
    precondition(deviation >= 0 && deviation.isFinite)
    guard deviation > 0 else { return self }
    var result = self
    result.pixels.withUnsafeMutableBufferPointer { pixels in
      var index = 0
      while index < pixels.count {
        let (first, second) = generator.nextNormals()
        pixels[index] = UInt8(rounding: Double(pixels[index]) + deviation * first)
        if index + 1 < pixels.count {
          pixels[index + 1] = UInt8(rounding: Double(pixels[index + 1]) + deviation * second)
        }
        index += 2
      }
    }
    return result
  }
}
