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
      result.setPlane(channel, blurredDown(blurredAcross(plane(channel), kernel), kernel))
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

  private func blurredAcross(_ plane: [Double], _ kernel: [Double]) -> [Double] {
    let (width, radius) = (size.width, kernel.count - 1)
    // With its mirror images on both sides.
    var line = [Double](repeating: 0, count: width + 2 * radius)
    return plane.mapped { input, output in
      line.withUnsafeMutableBufferPointer { line in
        for row in 0..<size.height {
          let start = row * width
          for place in 0..<line.count { line[place] = input[start + Self.mirrored(place - radius, width)] }
          let centre = UnsafePointer(line.baseAddress!) + radius
          Self.weigh(output + start, width, kernel) { centre + $0 }
        }
      }
    }
  }

  private func blurredDown(_ plane: [Double], _ kernel: [Double]) -> [Double] {
    let (width, height) = (size.width, size.height)
    return plane.mapped { input, output in
      for row in 0..<height {
        Self.weigh(output + row * width, width, kernel) { input + Self.mirrored(row + $0, height) * width }
      }
    }
  }

  /// Sums of lines, weighted by their distance: line by line, so that several places are done at once.
  private static func weigh(
    _ target: UnsafeMutablePointer<Double>, _ count: Int, _ kernel: [Double], _ line: (Int) -> UnsafePointer<Double>
  ) {
    let centre = line(0)
    for place in 0..<count { target[place] = centre[place] * kernel[0] }
    for distance in 1..<kernel.count {
      let (before, after, weight) = (line(-distance), line(distance), kernel[distance])
      for place in 0..<count { target[place] += (before[place] + after[place]) * weight }
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

extension [Double] {
  fileprivate func mapped(
    _ fill: (UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
  ) -> [Double] {
    withUnsafeBufferPointer { input in
      [Double](unsafeUninitializedCapacity: input.count) { output, count in
        if let source = input.baseAddress, let target = output.baseAddress { fill(source, target) }
        count = input.count
      }
    }
  }
}

extension UInt8 {
  /// The nearest level, of two the even one; what lies outside becomes the end.
  init(rounding value: Double) {
    // Where a unit is the smallest step, a sum is rounded so: without a call, on any processor.
    let level = Swift.min(Swift.max(value, 0), 255) + 0x1.8p52
    self = UInt8(truncatingIfNeeded: level.bitPattern)
  }
}
