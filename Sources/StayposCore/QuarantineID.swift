/// Name of a quarantined object: `20261121T093000Z-` and 16 hexadecimal digits at random. Sorts by time, never reused,
/// safe as a file name.
package struct QuarantineID: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
  package let description: String

  package init?(_ text: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let letters = UInt8(ascii: "a")...UInt8(ascii: "f")
    guard parts.count == 2, parts[0].count == 16, parts[1].count == 16,
      parts[0].enumerated().allSatisfy({ index, byte in
        index == 8 ? byte == UInt8(ascii: "T") : index == 15 ? byte == UInt8(ascii: "Z") : digits.contains(byte)
      }),
      parts[1].allSatisfy({ digits.contains($0) || letters.contains($0) })
    else { return nil }
    description = text
  }

  package init(at time: Timestamp, random: UInt64 = .random(in: 0 ... .max)) {
    let stamp = time.rfc3339.utf8.prefix(19).filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") }
    let digits = String(random, radix: 16)
    description =
      String(decoding: stamp, as: UTF8.self) + "Z-" + String(repeating: "0", count: 16 - digits.count) + digits
  }

  package static func < (left: QuarantineID, right: QuarantineID) -> Bool { left.description < right.description }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let id = QuarantineID(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a quarantine id")
    }
    self = id
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
