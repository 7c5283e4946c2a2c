/// The CRC-32 of a PNG's chunks (PNG specification, annex D).
enum PNGCheckSums {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private static let table = (0..<256).map { (byte: UInt32) -> UInt32 in
    var sum = byte
    for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
    return sum
  }

  private static func checkSum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(UInt32.max) { sum, byte in sum >> 8 ^ table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
  }

  private static func word(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

  /// The same chunks, as far as they are whole, with the sums that belong to them.
  static func mended(_ png: [UInt8]) -> [UInt8] {
    var png = png
    var start = signature.count
    while png.count - start >= 12 {
      let length = word(png[start..<start + 4])
      guard length <= png.count - start - 12 else { break }
      let end = start + 8 + length
      let sum = checkSum(png[start + 4..<end])
      for index in 0..<4 { png[end + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * UInt32(index))) }
      start = end + 4
    }
    return png
  }
}
