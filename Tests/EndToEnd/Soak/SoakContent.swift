import Foundation

/// Bytes that nobody else has: made anew from their number whenever somebody wants to compare.
struct SoakContent: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case flagged(String)
    case clear(String)
    /// On the allowlist before it comes.
    case allowed(String)
    case text
    /// Half a picture.
    case damaged
  }

  /// Far from the thresholds that a soak sets, on their side.
  private static let flagged = ["generated/broccoli-1.jpg", "generated/broccoli-2.jpg", "generated/face.png"]
  private static let clear = ["real/coins.png", "real/rocket.jpg", "generated/landscape.jpg"]
  static let thresholds = 0.55...0.8

  var number: Int
  var kind: Kind

  static func kind(using random: inout some RandomNumberGenerator) -> Kind {
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<8: .flagged(flagged.randomElement(using: &random)!)
    case 8..<14: .clear(clear.randomElement(using: &random)!)
    case 14..<18: .text
    default: .damaged
    }
  }

  static func allowedKind(using random: inout some RandomNumberGenerator) -> Kind {
    .allowed(flagged.randomElement(using: &random)!)
  }

  /// Whether it ends in the quarantine.
  var isFlagged: Bool { if case .flagged = kind { true } else { false } }

  /// What the history says of it.
  var verdict: String {
    switch kind {
    case .flagged: "flagged"
    case .clear, .allowed: "clear"
    case .text, .damaged: "not-scored"
    }
  }

  func bytes() throws -> Data {
    let mark = "soak:\(number);"
    switch kind {
    case .flagged(let sample), .clear(let sample), .allowed(let sample):
      return try SampleVariants.variant(of: sample, mark)
    case .text: return Data(String(repeating: mark, count: 1 + number % 500).utf8)
    case .damaged:
      let whole = try SampleVariants.variant(of: "real/rocket.jpg", mark)
      return whole.prefix(whole.count / 2)
    }
  }

  /// The number in some bytes; nil: not of a soak, or not all of it.
  static func number(in bytes: Data) -> Int? {
    guard let start = bytes.firstRange(of: Data("soak:".utf8))?.upperBound,
      let end = bytes[start...].firstIndex(of: UInt8(ascii: ";"))
    else { return nil }
    return Int(String(decoding: bytes[start..<end], as: UTF8.self))
  }
}
