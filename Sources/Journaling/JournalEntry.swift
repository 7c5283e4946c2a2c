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
