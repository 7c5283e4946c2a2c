import Glibc
import ImageDecoding
import StayposCore

extension RGBImage {
  /// Convolution with a Gaussian, cut off at four standard deviations, as `scipy.ndimage.gaussian_filter` does it: edges are
  /// mirrored, the outermost pixel included. Rounded once, at the end.
  /// - Parameter sigmas: standard deviations in pixels for R, G, B; 0: unchanged.
  package func blurred(sigmas: [Double]) -> RGBImage {
    precondition(sigmas.count == 3 && sigmas.allSatisfy { $0 >= 0 && $0.isFinite })
    var result = self
    for (channel, sigma) in sigmas.enumerated() where sigma > 0 {
      let kernel = Self.gaussian(sigma)
      var plane = self.plane(channel)
      plane = Self.convolved(
        plane, kernel, length: size.width, stride: 1, lines: size.height, lineStride: size.width)
      plane = Self.convolved(
        plane, kernel, length: size.height, stride: size.width, lines: size.width, lineStride: 1)
      result.setPlane(channel, plane)
    }
    return result
  }

  package func blurred(sigma: Double) -> RGBImage { blurred(sigmas: [sigma, sigma, sigma]) }

  /// Half of it: from the centre outwards.
  private static func gaussian(_ sigma: Double) -> [Double] {
    let radius = Int(4 * sigma + 0.5)
    let values = (0...radius).map { exp(-0.5 * Double($0 * $0) / (sigma * sigma)) }
    let sum = 2 * values.dropFirst().reduce(0, +) + values[0]
    return values.map { $0 / sum }
  }

  private static func convolved(
    _ plane: [Double], _ kernel: [Double], length: Int, stride: Int, lines: Int, lineStride: Int
  ) -> [Double] {
    let radius = kernel.count - 1
    // With its mirror images on both sides.
    var line = [Double](repeating: 0, count: length + 2 * radius)
    return [Double](unsafeUninitializedCapacity: plane.count) { output, count in
      plane.withUnsafeBufferPointer { input in
        kernel.withUnsafeBufferPointer { kernel in
          line.withUnsafeMutableBufferPointer { line in
            for index in 0..<lines {
              let base = index * lineStride
              for place in line.indices { line[place] = input[base + mirrored(place - radius, length) * stride] }
              for place in 0..<length {
                let center = place + radius
                var sum = line[center] * kernel[0]
                for offset in 1..<kernel.count {
                  sum += (line[center - offset] + line[center + offset]) * kernel[offset]
                }
                output[base + place * stride] = sum
              }
            }
          }
        }
      }
      count = plane.count
    }
  }

  /// The place that mirrors at both ends lead to: … 1 0 | 0 1 … n−1 | n−1 n−2 …
  private static func mirrored(_ place: Int, _ length: Int) -> Int {
    let period = 2 * length
    let place = ((place % period) + period) % period
    return place < length ? place : period - 1 - place
  }
}

extension RGBImage {
  /// One of R, G, B.
  func plane(_ channel: Int) -> [Double] {
    let count = size.width * size.height
    return [Double](unsafeUninitializedCapacity: count) { plane, initialized in
      pixels.withUnsafeBufferPointer { pixels in
        for index in 0..<count { plane[index] = Double(pixels[3 * index + channel]) }
      }
      initialized = count
    }
  }

  /// Rounds and clips.
  mutating func setPlane(_ channel: Int, _ values: [Double]) {
    pixels.withUnsafeMutableBufferPointer { pixels in
      for (index, value) in values.enumerated() { pixels[3 * index + channel] = UInt8(rounding: value) }
    }
  }
}

extension UInt8 {
  /// The nearest level; what lies outside becomes the end.
  init(rounding value: Double) {
    self = UInt8(Swift.min(Swift.max(value, 0), 255).rounded(.toNearestOrEven))
  }
}
