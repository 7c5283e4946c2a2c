extension Unicode.Scalar {
  /// Whether a terminal shows it and obeys it in nothing: no control character (C1 among them, of which U+009B begins an
  /// escape sequence), none that hides or turns round what stands beside it, no end of a line or paragraph.
  package var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}

extension String {
  /// What is not printable as `\xNN` or `\u{N}`: no line break and no escape sequence reaches a terminal.
  package var controlEscaped: String {
    guard unicodeScalars.contains(where: { !$0.isPrintable }) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      guard !scalar.isPrintable else {
        text.unicodeScalars.append(scalar)
        continue
      }
      let digits = String(scalar.value, radix: 16)
      text += scalar.value < 0x100 ? "\\x" + (digits.count == 1 ? "0" : "") + digits : "\\u{\(digits)}"
    }
    return text
  }
}

extension Collection<UInt8> {
  /// The same JSON (RFC 8259), with what is not printable in its strings as `\uNNNN`: an encoder escapes no more than it
  /// has to, U+0000 to U+001F, and a file name may hold anything.
  package var printableJSON: [UInt8] {
    guard contains(where: { $0 >= 0x7F }) else { return Array(self) }
    var escaped = ""
    // DEL and what is not ASCII can only stand in strings.
    for scalar in String(decoding: self, as: UTF8.self).unicodeScalars {
      guard scalar.value >= 0x7F, !scalar.isPrintable else {
        escaped.unicodeScalars.append(scalar)
        continue
      }
      for unit in String(scalar).utf16 {
        let digits = String(unit, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return Array(escaped.utf8)
  }
}
