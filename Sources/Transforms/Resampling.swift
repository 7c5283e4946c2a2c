import ImageDecoding
import StayposCore

/// Convolution kernels for a change of size; reducing widens them (antialiasing).
package enum ResamplingFilter: String, Sendable, Hashable, CaseIterable {
  case bilinear
  /// Keys' cubic convolution with a = −1/2.
  case bicubic

  var support: Double { self == .bilinear ? 1 : 2 }

  func value(_ x: Double) -> Double {
    let x = abs(x)
    switch self {
    case .bilinear: return x < 1 ? 1 - x : 0
    case .bicubic:
      if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
      if x < 2 { return ((-0.5 * x + 2.5) * x - 4) * x + 2 }
      return 0
    }
  }
}

extension RGBImage {
  /// The same picture with another number of pixels, as Pillow's `Image.resize` makes it: first across, then down, each
  /// pass in integers and rounded to 8 bits.
  package func resized(to target: ImageSize, _ filter: ResamplingFilter = .bicubic) -> RGBImage {
    precondition(target.width > 0 && target.height > 0)
    var result = self
    if target.width != size.width {
      let weights = ResamplingWeights(from: size.width, to: target.width, filter)
      result = result.convolved(
        weights, size: ImageSize(width: target.width, height: size.height), outer: size.height,
        inner: 1, outerStride: (size.width * 3, target.width * 3), stride: 3)
    }
    if target.height != size.height {
      let weights = ResamplingWeights(from: size.height, to: target.height, filter)
      let row = target.width * 3
      result = result.convolved(
        weights, size: target, outer: 1, inner: target.width, outerStride: (0, 0), stride: row)
    }
    return result
  }

  /// One pass along one axis.
  /// - Parameters:
  ///   - outer, outerStride: lines that are independent of each other, and the bytes between them before and after.
  ///   - inner: neighbouring pixels that share their weights.
  ///   - stride: bytes from one place of the axis to the next.
  private func convolved(
    _ weights: ResamplingWeights, size: ImageSize, outer: Int, inner: Int, outerStride: (from: Int, to: Int),
    stride: Int
  ) -> RGBImage {
    let samples = inner * 3
    let result = [UInt8](unsafeUninitializedCapacity: size.width * size.height * 3) { output, count in
      pixels.withUnsafeBufferPointer { input in
        weights.values.withUnsafeBufferPointer { values in
          for line in 0..<outer {
            for (index, window) in weights.windows.enumerated() {
              let from = line * outerStride.from + window.first * stride
              let to = line * outerStride.to + index * stride
              for sample in 0..<samples {
                var sum = 1 << (ResamplingWeights.bits - 1)
                var place = from + sample
                for offset in window.values {
                  sum += Int(input[place]) * values[offset]
                  place += stride
                }
                output[to + sample] = UInt8(clamping: sum >> ResamplingWeights.bits)
              }
            }
          }
        }
      }
      count = size.width * size.height * 3
    }
    return RGBImage(size: size, pixels: result)
  }
}

/// What each place of the new axis takes from the old one, in units of 2⁻²².
struct ResamplingWeights {
  /// 8 bits a sample, 2 for what a kernel adds beyond 1: 22 are left of 32.
  static let bits = 22

  struct Window {
    /// Place on the old axis.
    var first: Int
    /// In ``ResamplingWeights/values``.
    var values: Range<Int>
  }

  private(set) var windows: [Window] = []
  private(set) var values: [Int] = []

  init(from length: Int, to target: Int, _ filter: ResamplingFilter) {
    let scale = Double(length) / Double(target)
    let widening = max(scale, 1)
    let support = filter.support * widening
    for index in 0..<target {
      let center = (Double(index) + 0.5) * scale
      let first = max(Int(center - support + 0.5), 0)
      let end = min(Int(center + support + 0.5), length)
      let exact = (first..<end).map { filter.value((Double($0) - center + 0.5) * (1 / widening)) }
      let sum = exact.reduce(0, +)
      let start = values.count
      values += exact.map { weight in
        let share = sum == 0 ? weight : weight * (1 / sum)
        return Int((share * Double(1 << Self.bits)).rounded(.toNearestOrAwayFromZero))
      }
      windows.append(Window(first: first, values: start..<values.count))
    }
  }
}
