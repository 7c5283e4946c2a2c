/// CRC-32 as in zip archives (ISO 3309, the polynomial reflected: 0xEDB88320), eight bytes at a time.
enum CyclicRedundancyCheck {
  /// Eight tables of 256. Table n: what a byte does to the remainder when n more bytes follow.
  private static let tables: [UInt32] = {
    var tables: [UInt32] = []
    for byte in UInt32(0)..<256 {
      var value = byte
      for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1 }
      tables.append(value)
    }
    for index in 256..<8 * 256 {
      let previous = tables[index - 256]
      tables.append((previous >> 8) ^ tables[Int(previous & 0xFF)])
    }
    return tables
  }()

  static func of(_ bytes: [UInt8]) -> UInt32 {
    var remainder = ~UInt32(0)
    bytes.withUnsafeBytes { bytes in
      tables.withUnsafeBufferPointer { table in
        guard let start = bytes.baseAddress, let table = table.baseAddress else { return }
        // Plain pointers: this loop sees every byte of a network, in debug builds too.
        var index = 0
        while index + 8 <= bytes.count {
          let low = UInt32(littleEndian: start.loadUnaligned(fromByteOffset: index, as: UInt32.self)) ^ remainder
          let high = UInt32(littleEndian: start.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self))
          remainder = table[7 * 256 + Int(low & 0xFF)] ^ table[6 * 256 + Int(low >> 8 & 0xFF)]
          remainder ^= table[5 * 256 + Int(low >> 16 & 0xFF)] ^ table[4 * 256 + Int(low >> 24)]
          remainder ^= table[3 * 256 + Int(high & 0xFF)] ^ table[2 * 256 + Int(high >> 8 & 0xFF)]
          remainder ^= table[256 + Int(high >> 16 & 0xFF)] ^ table[Int(high >> 24)]
          index += 8
        }
        while index < bytes.count {
          let byte = start.load(fromByteOffset: index, as: UInt8.self)
          remainder = (remainder >> 8) ^ table[Int((remainder ^ UInt32(byte)) & 0xFF)]
          index += 1
        }
      }
    }
    return ~remainder
  }
}
