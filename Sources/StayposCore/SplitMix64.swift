import Glibc

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed on every machine and in every version.
package struct SplitMix64: RandomNumberGenerator, Sendable, Equatable {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  /// For one of many things: independent of the order in which they come.
  /// - Parameter name: of the thing; hashed by FNV-1a.
  package init(seed: UInt64, name: some Sequence<UInt8>) {
    self.init(seed: name.reduce(0xCBF2_9CE4_8422_2325 ^ seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  /// Uniform in 0..<1.
  package mutating func nextUniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in 0..<bound, by multiplication: for bounds far below 2⁶⁴.
  package mutating func nextIndex(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Two independent values of the standard normal distribution (Box and Muller).
  package mutating func nextNormals() -> (Double, Double) {
    let radius = (-2 * log(1 - nextUniform())).squareRoot()
    let angle = 2 * Double.pi * nextUniform()
    return (radius * cos(angle), radius * sin(angle))
  }
}
