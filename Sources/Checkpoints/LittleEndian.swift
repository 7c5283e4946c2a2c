extension Collection<UInt8> where Index == Int {
  /// The little-endian number `offset` bytes behind the first one. The bytes have to be there.
  func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) -> Number {
    var value: Number = 0
    for index in (0..<MemoryLayout<Number>.size).reversed() {
      value = value << 8 | Number(truncatingIfNeeded: self[startIndex + offset + index])
    }
    return value
  }
}
