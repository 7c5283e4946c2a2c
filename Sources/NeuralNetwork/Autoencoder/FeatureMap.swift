import Glibc

/// A whole feature map in fp32, (H, W, C), with a row of zeros above and one below: the padding that windows of three rows
/// read.
final class FeatureMap {
  let height: Int
  let width: Int
  let channels: Int
  private let buffer: AlignedBuffer

  init(height: Int, width: Int, channels: Int) throws(NetworkError) {
    precondition(height > 0 && width > 0 && channels > 0)
    self.height = height
    self.width = width
    self.channels = channels
    let rowSize = width * channels * MemoryLayout<Float>.stride
    buffer = try AlignedBuffer(size: (height + 2) * rowSize)
    memset(buffer.address, 0, rowSize)
    memset(buffer.address + (height + 1) * rowSize, 0, rowSize)
  }

  /// Bytes.
  var rowSize: Int { width * channels * MemoryLayout<Float>.stride }

  /// So many rows of zeros, 0 or 1, and then the first row.
  func address(padding: Int) -> UnsafeMutableRawPointer {
    buffer.address + (1 - padding) * rowSize
  }

  /// All of its numbers.
  var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: address(padding: 0).assumingMemoryBound(to: Float.self), count: height * width * channels)
  }
}

extension FeatureMap {
  /// 3 · tanh(x / 3)
  func clamp() {
    for index in values.indices { values[index] = 3 * tanhf(values[index] / 3) }
  }

  /// Every pixel becomes 2×2.
  func upsampled() throws(NetworkError) -> FeatureMap {
    let target = try FeatureMap(height: 2 * height, width: 2 * width, channels: channels)
    let pixel = channels * MemoryLayout<Float>.stride
    for row in 0..<height {
      let source = address(padding: 0) + row * rowSize
      let copy = target.address(padding: 0) + 2 * row * target.rowSize
      for column in 0..<width {
        memcpy(copy + 2 * column * pixel, source + column * pixel, pixel)
        memcpy(copy + (2 * column + 1) * pixel, source + column * pixel, pixel)
      }
      memcpy(copy + target.rowSize, copy, target.rowSize)
    }
    return target
  }

  /// GroupNorm and ReLU, in place. Sums in Double: there may be millions of positions.
  func normalize(_ normalization: GroupNormalization) {
    precondition(normalization.gamma.count == channels)
    var sums = [Double](repeating: 0, count: channels)
    var squares = sums
    let (start, positions, count) = (values, height * width, channels)
    guard let base = start.baseAddress else { return }
    sums.withUnsafeMutableBufferPointer { sums in
      squares.withUnsafeMutableBufferPointer { squares in
        for position in 0..<positions {
          let pixel = base + position * count
          for channel in 0..<count {
            let value = Double(pixel[channel])
            sums[channel] += value
            squares[channel] += value * value
          }
        }
      }
    }
    let groupSize = count / normalization.groups
    var scale = [Float](repeating: 0, count: count)
    var shift = scale
    for group in 0..<normalization.groups {
      let members = group * groupSize..<(group + 1) * groupSize
      let total = Double(groupSize * positions)
      let mean = sums[members].reduce(0, +) / total
      let variance = max(0, squares[members].reduce(0, +) / total - mean * mean)
      let factor = 1 / (variance + normalization.epsilon).squareRoot()
      for channel in members {
        scale[channel] = Float(factor * Double(normalization.gamma[channel]))
        shift[channel] = Float(
          Double(normalization.beta[channel]) - mean * factor * Double(normalization.gamma[channel]))
      }
    }
    scale.withUnsafeBufferPointer { scale in
      shift.withUnsafeBufferPointer { shift in
        for position in 0..<positions {
          let pixel = base + position * count
          for channel in 0..<count { pixel[channel] = max(0, pixel[channel] * scale[channel] + shift[channel]) }
        }
      }
    }
  }
}
