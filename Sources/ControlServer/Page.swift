/// A piece of a list. What is looked through for one piece is bounded: it may have fewer entries than were asked for, or
/// none, and yet not be the last.
package struct Page<Entry: Sendable, Place: Sendable>: Sendable {
  package var entries: [Entry]
  /// Where the next piece begins; nil: this is the last.
  package var next: Place?

  package init(_ entries: [Entry], next: Place?) {
    self.entries = entries
    self.next = next
  }
}
