/// `[name]` and `[[name]]`: toml++ ends the process over a header whose name begins with what no key can begin with.
enum TableHeader {
  /// - Returns: 1-based line and column of the first such character; nil if there is none.
  static func mistake(in text: String) -> (line: Int, column: Int)? {
    // What ends a line in toml++; a line feed counts.
    var number = 1
    for line in text.utf8.split(omittingEmptySubsequences: false, whereSeparator: { 0x0A...0x0D ~= $0 }) {
      // Spaces beyond ASCII count as white space there.
      var rest = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 >= 0x80 }
      if rest.popFirst() == UInt8(ascii: "[") {
        if rest.first == UInt8(ascii: "[") { rest.removeFirst() }
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        // At the end of the text toml++ says itself what is missing.
        let isAtEnd = rest.isEmpty && rest.endIndex == text.utf8.endIndex
        if !isAtEnd, !(rest.first.map(canFollow) ?? false) { return (number, line.count - rest.count + 1) }
      }
      if line.endIndex < text.utf8.endIndex, text.utf8[line.endIndex] == 0x0A { number += 1 }
    }
    return nil
  }

  /// A bare key, a quoted one, or the end of the header.
  private static func canFollow(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "\""),
      UInt8(ascii: "'"), UInt8(ascii: "]"):
      true
    default: false
    }
  }
}
