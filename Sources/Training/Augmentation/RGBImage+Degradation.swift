import Glibc
import ImageDecoding
import StayposCore

extension RGBImage {
  /// Normal noise on every sample.
  package func withNoise(deviation: Double, _ random: inout SplitMix64) -> RGBImage {
    var image = self
    image.pixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, count in
      pixels.withUnsafeBufferPointer { source in
        var index = 0
        while index < source.count {
          // Box and Muller's method gives two at a time.
          let radius = (-2 * log(1 - Double(random.next() >> 11) * 0x1p-53)).squareRoot() * deviation
          let angle = 2 * Double.pi * (Double(random.next() >> 11) * 0x1p-53)
          target.initializeElement(at: index, to: Self.sample(Double(source[index]) + radius * cos(angle)))
          if index + 1 < source.count {
            target.initializeElement(at: index + 1, to: Self.sample(Double(source[index + 1]) + radius * sin(angle)))
          }
          index += 2
        }
      }
      count = pixels.count
    }
    return image
  }

  /// A Gaussian over each channel, mirrored at the edges and cut off at four σ, as SciPy's `gaussian_filter`.
  package func blurred(sigma: Double) -> RGBImage {
    let radius = Int(4 * sigma + 0.5)
    guard radius > 0 else { return self }
    var weights = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
    let total = weights.reduce(0, +)
    weights = weights.map { $0 / total }
    let kernel = weights.map { Float($0) }
    let (width, height) = (size.width, size.height)
    let across = Self.convolved(
      pixels.map { Float($0) }, kernel, lines: height, length: width, lineStride: 3 * width, stride: 3)
    let down = Self.convolved(across, kernel, lines: width, length: height, lineStride: 3, stride: 3 * width)
    var image = self
    image.pixels = down.map { Self.sample(Double($0)) }
    return image
  }

  private static func convolved(
    _ samples: [Float], _ kernel: [Float], lines: Int, length: Int, lineStride: Int, stride: Int
  ) -> [Float] {
    let radius = kernel.count / 2
    // Where each position of a line with its margins lies.
    let places = (-radius..<length + radius).map { position in
      let period = 2 * length
      let place = ((position % period) + period) % period
      return (place < length ? place : period - 1 - place) * stride
    }
    return [Float](unsafeUninitializedCapacity: samples.count) { target, count in
      samples.withUnsafeBufferPointer { source in
        places.withUnsafeBufferPointer { places in
          kernel.withUnsafeBufferPointer { kernel in
            for line in 0..<lines {
              for position in 0..<length {
                let start = line * lineStride
                var (red, green, blue): (Float, Float, Float) = (0, 0, 0)
                for tap in 0..<kernel.count {
                  let offset = start + places[position + tap]
                  red += kernel[tap] * source[offset]
                  green += kernel[tap] * source[offset + 1]
                  blue += kernel[tap] * source[offset + 2]
                }
                let offset = start + position * stride
                target.initializeElement(at: offset, to: red)
                target.initializeElement(at: offset + 1, to: green)
                target.initializeElement(at: offset + 2, to: blue)
              }
            }
          }
        }
      }
      count = samples.count
    }
  }

  /// What a JPEG of this quality leaves of it.
  package func throughJPEG(quality: Int) throws(EncodingFailure) -> RGBImage {
    let bytes = try JPEGEncoder.encode(self, quality: quality)
    do throws(DecodingFailure) {
      return try RGBImage.decode(bytes: bytes, limits: ImageLimits())
    } catch {
      preconditionFailure("our own JPEG cannot be read: \(error)")
    }
  }

  private static func sample(_ value: Double) -> UInt8 {
    UInt8(min(max(value.rounded(), 0), 255))
  }
}
