import StayposCore

/// One field of a table.
struct Cell: Equatable {
  enum Style: String {
    case none = ""
    case faint = "2"
    case bold = "1"
    case red = "31"
    case green = "32"
    case yellow = "33"
  }

  var text: String
  var style: Style
  /// Numbers are aligned to the right.
  var isNumber: Bool

  init(_ text: String, _ style: Style = .none, isNumber: Bool = false) {
    self.text = text
    self.style = style
    self.isNumber = isNumber
  }

  init(number: some BinaryInteger) {
    self.init("\(number)", isNumber: true)
  }

  /// Four decimals, `-` for none, and `≥` before a lower bound.
  init(probability: Double?, isLowerBound: Bool) {
    guard let probability else {
      self.init("-", isNumber: true)
      return
    }
    let digits = String(Int((probability * 10_000).rounded()))
    let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    self.init("\(isLowerBound ? "≥" : "")\(padded.dropLast(4)).\(padded.suffix(4))", isNumber: true)
  }

  init(_ verdict: Verdict.Name) {
    switch verdict {
    case .flagged: self.init(verdict.rawValue, .red)
    case .clear: self.init(verdict.rawValue, .green)
    case .notScored: self.init(verdict.rawValue, .yellow)
    }
  }
}

/// Rows of cells, as a reader wants them.
struct Table {
  /// Shown on a terminal only.
  var heading: [String]?
  var rows: [[Cell]]

  func text(_ form: Printer.Form) -> String {
    guard case .terminal(let colour) = form else {
      return rows.map { $0.map(\.text).joined(separator: "\t") + "\n" }.joined()
    }
    let all = (heading.map { [$0.map { Cell($0, .bold) }] } ?? []) + rows
    let widths = (0..<(all.map(\.count).max() ?? 0)).map { column in
      all.compactMap { $0.count > column ? $0[column].text.count : nil }.max() ?? 0
    }
    return all.map { row in
      let cells = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.text.count)
        let text = colour && cell.style != .none ? "\u{1B}[\(cell.style.rawValue)m\(cell.text)\u{1B}[0m" : cell.text
        // Nothing behind the last column: a long path does not wrap a line of blanks.
        if column == row.count - 1 && !cell.isNumber { return text }
        return cell.isNumber ? space + text : text + space
      }
      return cells.joined(separator: "  ") + "\n"
    }.joined()
  }
}
