/// What stands outside of quotes and comments: toml++ is not safe with all of it.
enum PlainText {
  /// - Returns: where the first mistake stands, with 1-based line and column; nil if there is none. In what is no TOML,
  ///   strings may end elsewhere than here; toml++ does not come that far.
  static func mistake(in text: String) -> (line: Int, column: Int, message: String)? {
    let scalars = Array(text.unicodeScalars)
    // A byte order mark may begin the text.
    var index = scalars.first == "\u{FEFF}" ? 1 : 0
    /// The last one that is neither white space nor in a comment.
    var previous: UnicodeScalar?
    while index < scalars.count {
      let scalar = scalars[index]
      switch scalar {
      case "#": index = scalars[index...].firstIndex(where: endsLine) ?? scalars.count
      case "\"", "'":
        index = endOfString(at: index, of: scalars)
        previous = scalar
      default:
        let next = index + 1 < scalars.count ? scalars[index + 1] : nil
        if let message = complaint(scalar, after: previous, before: next) {
          let before = scalars[..<index]
          return (1 + before.count { $0 == "\n" }, index - (before.lastIndex(of: "\n") ?? -1), message)
        }
        if scalar != " ", scalar != "\t", !endsLine(scalar) { previous = scalar }
        index += 1
      }
    }
    return nil
  }

  private static func complaint(
    _ scalar: UnicodeScalar, after previous: UnicodeScalar?, before next: UnicodeScalar?
  ) -> String? {
    // Some of them are white space to toml++, which ends the process where a value would begin with it (`parse_value`).
    if !scalar.isASCII { return "a character beyond ASCII can stand in quotes and comments only" }
    // Behind a date, `T` and anything but a digit end the process (`parse_time`).
    if "0"..."9" ~= scalar, next == "-" || next == ":" { return "no setting is a date or a time, and no name like one" }
    // So does a brace where a list goes on (`parse_value`).
    if scalar == "}", previous == "[" || previous == "," { return "a value or ] is expected here" }
    return nil
  }

  /// What ends a line in toml++; most of it is an error there.
  private static func endsLine(_ scalar: UnicodeScalar) -> Bool {
    ["\n", "\u{B}", "\u{C}", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar)
  }

  /// Behind a string that begins at `start`.
  private static func endOfString(at start: Int, of scalars: [UnicodeScalar]) -> Int {
    let mark = scalars[start]
    guard scalars[start...].starts(with: [mark, mark, mark]) else {
      return endOfLine(from: start + 1, of: scalars, mark)
    }
    var index = start + 3
    while index < scalars.count {
      switch scalars[index] {
      case mark:
        // Two more may stand in front of the three.
        let count = scalars[index...].prefix(5).prefix { $0 == mark }.count
        index += count
        if count >= 3 { return index }
      case "\\" where mark == "\"": index += 2
      default: index += 1
      }
    }
    return scalars.count
  }

  private static func endOfLine(from start: Int, of scalars: [UnicodeScalar], _ mark: UnicodeScalar) -> Int {
    var index = start
    while index < scalars.count, !endsLine(scalars[index]) {
      if scalars[index] == mark { return index + 1 }
      let isEscape =
        scalars[index] == "\\" && mark == "\"" && index + 1 < scalars.count && !endsLine(scalars[index + 1])
      index += isEscape ? 2 : 1
    }
    return index
  }
}
