/// bf16 numbers as their bits.
enum BFloat16 {
  /// To the nearest, ties to even. Not for NaN.
  static func rounding(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}
