/// Reads the JSON of a safetensors header, and nothing else: an object of tensors
/// `{"dtype": string, "shape": [integers], "data_offsets": [begin, end]}` and at most one `__metadata__` of strings.
///
/// Of its own, because general decoders keep one of two equal keys without a word: a file could then say
/// `"head":"positive"` to one reader and `"head":"linear"` to another. Depth is fixed by the schema, so that no input
/// can exhaust the stack.
struct SafetensorsHeaderParser {
  struct Entry: Equatable {
    var type = ""
    var shape: [Int] = []
    var begin = 0
    var end = 0
  }

  private let text: [UInt8]
  private var position = 0

  init(text: [UInt8]) {
    self.text = text
  }

  mutating func parse() throws(CheckpointError) -> (metadata: [String: String], tensors: [String: Entry]) {
    // The format allows nothing in front of the object.
    guard text.first == UInt8(ascii: "{") else {
      throw CheckpointError(.malformed, "the header does not begin with {: not a safetensors file")
    }
    var metadata: [String: String]?
    var tensors: [String: Entry] = [:]
    try object { (parser, name) throws(CheckpointError) in
      if name == "__metadata__" {
        guard metadata == nil else { throw CheckpointError(.malformed, "two entries named __metadata__") }
        metadata = try parser.strings()
      } else {
        let entry = try parser.entry(named: name)
        guard tensors.updateValue(entry, forKey: name) == nil else {
          throw CheckpointError(.malformed, "two entries of this name", tensor: name)
        }
      }
    }
    skipSpace()
    guard position == text.count else { throw syntax("text after the object") }
    return (metadata ?? [:], tensors)
  }

  private mutating func strings() throws(CheckpointError) -> [String: String] {
    var values: [String: String] = [:]
    try object { (parser, key) throws(CheckpointError) in
      guard parser.next() == UInt8(ascii: "\"") else {
        throw CheckpointError(.malformed, "__metadata__: the value of \(quoted(key)) is not a string")
      }
      let value = try parser.string()
      guard values.updateValue(value, forKey: key) == nil else {
        throw CheckpointError(.malformed, "__metadata__: two values for \(quoted(key))")
      }
    }
    return values
  }

  private mutating func entry(named name: String) throws(CheckpointError) -> Entry {
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    do throws(CheckpointError) {
      try object { (parser, key) throws(CheckpointError) in
        switch key {
        case "dtype" where type == nil: type = try parser.string()
        case "shape" where shape == nil: shape = try parser.integers()
        case "data_offsets" where offsets == nil: offsets = try parser.integers()
        case "dtype", "shape", "data_offsets": throw CheckpointError(.malformed, "two values for \(key)")
        default: throw CheckpointError(.malformed, "unknown key \(quoted(key))")
        }
      }
      guard let type else { throw CheckpointError(.malformed, "has no dtype") }
      guard let shape else { throw CheckpointError(.malformed, "has no shape") }
      guard let offsets else { throw CheckpointError(.malformed, "has no data_offsets") }
      guard offsets.count == 2 else {
        throw CheckpointError(.malformed, "data_offsets has \(offsets.count) values instead of 2")
      }
      return Entry(type: type, shape: shape, begin: offsets[0], end: offsets[1])
    } catch {
      var error = error
      error.tensor = name
      throw error
    }
  }
}

// MARK: - JSON (RFC 8259)

extension SafetensorsHeaderParser {
  /// Calls `member` after each key, in front of its value.
  private mutating func object(
    _ member: (inout SafetensorsHeaderParser, String) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  private mutating func integers() throws(CheckpointError) -> [Int] {
    try expect("[")
    if take("]") { return [] }
    var values: [Int] = []
    repeat { values.append(try integer()) } while take(",")
    try expect("]")
    return values
  }

  /// A whole number that is not negative. No dimension and no offset is anything else.
  private mutating func integer() throws(CheckpointError) -> Int {
    let first = next()
    if first == UInt8(ascii: "-") { throw syntax("a negative number") }
    let start = position
    var value = 0
    while position < text.count, case let digit = text[position] &- UInt8(ascii: "0"), digit < 10 {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(digit))
      guard !overflow, !carry else { throw syntax("a number beyond 64 bits") }
      value = sum
      position += 1
    }
    guard position > start else { throw syntax("no number where one has to stand") }
    guard position == start + 1 || text[start] != UInt8(ascii: "0") else { throw syntax("a number with leading zeros") }
    if position < text.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(text[position]) {
      throw syntax("a number that is not whole")
    }
    return value
  }

  private mutating func string() throws(CheckpointError) -> String {
    try expect("\"")
    var bytes: [UInt8] = []
    while position < text.count {
      let byte = text[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: bytes, as: UTF8.self) else { throw syntax("a string that is not UTF-8") }
        return string
      case UInt8(ascii: "\\"):
        bytes += try escape().utf8
      case 0..<0x20:
        throw syntax("a control character in a string")
      default:
        bytes.append(byte)
      }
    }
    throw syntax("a string without an end")
  }

  /// What follows a backslash.
  private mutating func escape() throws(CheckpointError) -> String {
    guard position < text.count else { throw syntax("a string without an end") }
    let byte = text[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var units = [try hexadecimal()]
      if UTF16.isLeadSurrogate(units[0]), text[position...].starts(with: #"\u"#.utf8) {
        position += 2
        units.append(try hexadecimal())
      }
      guard let string = String(validating: units, as: UTF16.self) else { throw syntax("half of a surrogate pair") }
      return string
    default: throw syntax("an unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws(CheckpointError) -> UInt16 {
    let digits = text[position...].prefix(4)
    let isDigit = { (byte: UInt8) in UnicodeScalar(byte).properties.isASCIIHexDigit }
    guard digits.count == 4, digits.allSatisfy(isDigit),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw syntax("an escape that is not four hexadecimal digits") }
    position += 4
    return unit
  }

  /// The next byte that is not white space, without taking it.
  private mutating func next() -> UInt8? {
    skipSpace()
    return position < text.count ? text[position] : nil
  }

  private mutating func skipSpace() {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
  }

  private mutating func take(_ character: UnicodeScalar) -> Bool {
    guard next() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: UnicodeScalar) throws(CheckpointError) {
    guard take(character) else { throw syntax("no \(character) where one has to stand") }
  }

  private func syntax(_ what: String) -> CheckpointError {
    CheckpointError(.malformed, "header: \(what) (byte \(position))")
  }
}
