import StayposCore
import Synchronization
import Testing
import Threading

@testable import Journaling

/// The queue between those who record and the thread that writes.
struct EventLogTests {
  /// A writer that stands still until it is let go, and keeps what it gets.
  private final class Writer: Sendable {
    struct State: Sendable {
      var isOpen = false
      var isWriting = false
      var entries: [JournalEntry] = []
    }

    let state = Monitor(State())

    func write(_ entry: JournalEntry) {
      state.update { $0.isWriting = true }
      _ = state.wait { $0.isOpen ? () : nil }
      state.update { $0.entries.append(entry) }
    }
  }

  @Test func keepsTheOrder() {
    let writer = Writer()
    writer.state.update { $0.isOpen = true }
    let log = EventLog(capacity: 1000) { writer.write($0) }
    for index in 0..<500 { log.record(Event(.clear, .info, "\(index)")) }
    #expect(log.flush(within: .seconds(10)))
    #expect(writer.state.read { $0.entries.map(\.message) } == (0..<500).map { "\($0)" })
    #expect(log.droppedCount == 0)
  }

  /// A journal that takes nothing blocks nobody; the gap is said afterwards.
  @Test("Pitfall 63: a full journal blocks nobody, and the gap is said") func aFullJournalBlocksNobody() throws {
    let writer = Writer()
    let log = EventLog(capacity: 8) { writer.write($0) }
    log.record(Event(.clear, .info, "first"))
    _ = writer.state.wait(timeout: .seconds(10)) { $0.isWriting ? () : nil }
    // The thread holds the first; eight fit into the queue.
    for index in 0..<20 { log.record(Event(.clear, .info, "\(index)")) }
    #expect(log.droppedCount == 12)
    #expect(!log.flush(within: .milliseconds(1)))
    writer.state.update { $0.isOpen = true }
    let written = writer.state.wait(timeout: .seconds(10)) { $0.entries.count == 10 ? $0.entries : nil }
    let entries = try #require(written)
    #expect(entries.filter { $0.fields.contains(JournalField("STAYPOS_LOST", "12")) }.count == 1)
    #expect(entries.map(\.message).filter { !$0.contains("lost") } == ["first"] + (0..<8).map { "\($0)" })
  }

  @Test func theEndWritesWhatIsLeft() {
    let writer = Writer()
    writer.state.update { $0.isOpen = true }
    do {
      let log = EventLog(capacity: 100) { writer.write($0) }
      for index in 0..<50 { log.record(Event(.clear, .info, "\(index)")) }
    }
    #expect(writer.state.read { $0.entries.count } == 50)
  }
}
