import Glibc

/// The quality that libjpeg was given, told from the quantization table of the first component.
package enum JPEGQuality {
  /// ITU-T T.81, table K.1, in zigzag order.
  private static let luminance: [Int] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
    60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
  ]

  /// Bytes at the start of a file in which the table has to lie: EXIF and colour profiles come before it.
  private static let reach = 1 << 20

  /// The quality whose table is nearest; encoders with tables of their own get that of libjpeg's nearest.
  /// - Parameter descriptor: a JPEG; borrowed.
  /// - Returns: 1...100; nil if there is no table.
  package static func estimate(_ descriptor: CInt) -> Int? {
    var bytes = [UInt8](repeating: 0, count: reach)
    let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    return count > 0 ? estimate(bytes[..<count]) : nil
  }

  package static func estimate(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard let table = firstTable(bytes) else { return nil }
    return (1...100).min { distance(table, quality: $0) < distance(table, quality: $1) }
  }

  private static func distance(_ table: [Int], quality: Int) -> Int {
    let scale = quality < 50 ? 5000 / quality : 200 - 2 * quality
    return zip(table, luminance).reduce(0) { $0 + abs($1.0 - min(max(($1.1 * scale + 50) / 100, 1), 255)) }
  }

  /// Table 0 of the first DQT segments (T.81, B.2.4.1).
  private static func firstTable(_ bytes: ArraySlice<UInt8>) -> [Int]? {
    var position = bytes.startIndex + 2
    while position + 4 <= bytes.endIndex, bytes[position] == 0xFF {
      let marker = bytes[position + 1]
      if marker == 0xFF {
        position += 1
        continue
      }
      // The scan begins.
      if marker == 0xDA { return nil }
      let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
      let end = position + 2 + length
      guard length >= 2, end <= bytes.endIndex else { return nil }
      if marker == 0xDB, let table = table(bytes[(position + 4)..<end]) { return table }
      position = end
    }
    return nil
  }

  private static func table(_ segment: ArraySlice<UInt8>) -> [Int]? {
    var position = segment.startIndex
    while position < segment.endIndex {
      let (size, destination) = (segment[position] >> 4 == 0 ? 1 : 2, segment[position] & 15)
      let values = position + 1..<position + 1 + 64 * size
      guard values.upperBound <= segment.endIndex else { return nil }
      if destination == 0 {
        return stride(from: values.lowerBound, to: values.upperBound, by: size).map {
          size == 1 ? Int(segment[$0]) : Int(segment[$0]) << 8 | Int(segment[$0 + 1])
        }
      }
      position = values.upperBound
    }
    return nil
  }
}
