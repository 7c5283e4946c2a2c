import ImageDecoding
import StayposCore

/// 128 bits that survive resizing, compression and small changes: whether each of 8×8 places is brighter than the one to
/// its left, and than the one above (a difference hash).
package struct ImageFingerprint: Hashable, Sendable, CustomStringConvertible, LosslessStringConvertible {
  package var across: UInt64
  package var down: UInt64

  /// Pictures whose fingerprints differ in at most so many of the 128 bits are taken for versions of one.
  package static let nearDistance = 10

  /// Differences below it are as good as none, on 0...255.
  private static let visible = 1.0

  package init(across: UInt64, down: UInt64) {
    self.across = across
    self.down = down
  }

  /// Reads the picture to its end.
  /// - Returns: nil if more than half of the places do not differ from their neighbours, or a side is below 9 pixels.
  package init?(reading image: inout some PixelSource & ~Copyable) throws(DecodingFailure) {
    let (width, height) = (image.size.width, image.size.height)
    // (rows, columns)
    var wide = Grid(rows: 8, columns: 9, size: image.size)
    var tall = Grid(rows: 9, columns: 8, size: image.size)
    let band = max(1, min(64, (1 << 20) / max(1, 3 * width)))
    var pixels = [UInt8](repeating: 0, count: band * 3 * width)
    var row = 0
    while row < height {
      var span = pixels.mutableSpan
      let count = try image.read(rows: band, into: &span)
      guard count > 0 else { break }
      pixels.withUnsafeBufferPointer { pixels in
        for index in 0..<count {
          let values = UnsafeBufferPointer(rebasing: pixels[index * 3 * width..<(index + 1) * 3 * width])
          wide.add(values, row: row + index)
          tall.add(values, row: row + index)
        }
      }
      row += count
    }
    guard width >= 9, height >= 9 else { return nil }
    (across, down) = (0, 0)
    var differences = 0
    for place in 0..<64 {
      let (row, column) = (place / 8, place % 8)
      let right = wide[row, column + 1] - wide[row, column]
      let below = tall[row + 1, column] - tall[row, column]
      if right > 0 { across |= 1 << UInt64(place) }
      if below > 0 { down |= 1 << UInt64(place) }
      differences += (abs(right) > Self.visible ? 1 : 0) + (abs(below) > Self.visible ? 1 : 0)
    }
    guard differences >= 64 else { return nil }
  }

  /// Bits that differ.
  package func distance(to other: ImageFingerprint) -> Int {
    (across ^ other.across).nonzeroBitCount + (down ^ other.down).nonzeroBitCount
  }

  /// 32 hexadecimal digits.
  package init?(_ description: String) {
    guard description.utf8.count == 32, let across = UInt64(description.prefix(16), radix: 16),
      let down = UInt64(description.suffix(16), radix: 16)
    else { return nil }
    self.init(across: across, down: down)
  }

  package var description: String {
    [across, down].map { bits in
      let digits = String(bits, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

/// Mean brightness of equal parts of an image.
private struct Grid {
  private let size: ImageSize
  private let (rows, columns): (Int, Int)
  private var sums: [Int]
  private var counts: [Int]

  init(rows: Int, columns: Int, size: ImageSize) {
    (self.rows, self.columns, self.size) = (rows, columns, size)
    sums = Array(repeating: 0, count: rows * columns)
    counts = sums
  }

  /// - Parameter pixels: RGB.
  mutating func add(_ pixels: UnsafeBufferPointer<UInt8>, row: Int) {
    let base = row * rows / size.height * columns
    for column in 0..<columns {
      let (start, end) = (column * size.width / columns, (column + 1) * size.width / columns)
      var sum = 0
      // Rec. 601, in thousandths.
      for pixel in start..<end {
        sum += 299 * Int(pixels[3 * pixel]) + 587 * Int(pixels[3 * pixel + 1]) + 114 * Int(pixels[3 * pixel + 2])
      }
      sums[base + column] += sum
      counts[base + column] += end - start
    }
  }

  subscript(row: Int, column: Int) -> Double {
    let index = row * columns + column
    return counts[index] == 0 ? 0 : Double(sums[index]) / Double(counts[index]) / 1000
  }
}
