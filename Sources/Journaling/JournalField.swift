/// One `NAME=value` of a journal entry. The value is bytes: journald keeps them exactly, whatever they are.
package struct JournalField: Sendable, Equatable {
  /// Upper-case letters, digits and underscores, not beginning with an underscore; at most 64 bytes (journald drops others).
  package let name: String
  package let value: [UInt8]

  package init(_ name: String, _ value: some Sequence<UInt8>) {
    self.name = name
    self.value = Array(value)
  }

  package init(_ name: String, _ value: String) {
    self.init(name, value.utf8)
  }

  /// `NAME=value`, as `sd_journal_sendv(3)` takes it.
  package var bytes: [UInt8] { Array(name.utf8) + [UInt8(ascii: "=")] + value }
}
