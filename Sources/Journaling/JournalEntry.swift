import StayposCore

/// What goes to the journal, or to the terminal, as one entry.
package struct JournalEntry: Sendable, Equatable {
  /// syslog(3) priority.
  package var priority: Int
  package var time: Timestamp
  /// One line for people, free of control characters.
  package var message: String
  /// Everything but MESSAGE, PRIORITY and SYSLOG_IDENTIFIER.
  package var fields: [JournalField]
  /// `name=value` pairs after the message on a terminal; the journal shows its fields instead.
  package var details: String

  package init(priority: Int, time: Timestamp, message: String, fields: [JournalField], details: String = "") {
    self.priority = priority
    self.time = time
    self.message = message.controlEscaped
    self.fields = fields
    self.details = details
  }

  /// In the order in which they are sent.
  package func allFields(identifier: String) -> [JournalField] {
    [
      JournalField("MESSAGE", message),
      JournalField("PRIORITY", "\(priority)"),
      JournalField("SYSLOG_IDENTIFIER", identifier),
    ] + fields
  }
}

extension String {
  /// Control and format characters as `\xNN` or `\u{N}`: no line break and no escape sequence reaches a terminal.
  var controlEscaped: String {
    guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      guard scalar.isUnprintable else {
        text.unicodeScalars.append(scalar)
        continue
      }
      let digits = String(scalar.value, radix: 16)
      text += scalar.value < 0x100 ? "\\x" + (digits.count == 1 ? "0" : "") + digits : "\\u{\(digits)}"
    }
    return text
  }
}

extension Unicode.Scalar {
  var isUnprintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
