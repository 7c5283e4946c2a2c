import StayposCore
import Synchronization
import Threading

/// Takes what the daemon has to say and writes it from a thread of its own, so that neither a full journal socket nor a
/// stopped terminal ever holds up scoring.
package final class EventLog: Sendable {
  /// Entries that wait; beyond it they are dropped and counted (the daemon's history has every verdict all the same).
  package static let defaultCapacity = 4096

  private enum Item: Sendable {
    case entry(JournalEntry)
    case barrier(@Sendable () -> Void)
  }

  private let queue: BoundedQueue<Item>
  private let thread: DedicatedThread
  private let dropped: DropCounter

  /// - Parameter output: ``JournalOutput/detect(environment:descriptor:identifier:)`` picks the right one.
  package convenience init(output: JournalOutput) {
    self.init(capacity: Self.defaultCapacity) { output.write($0) }
  }

  /// - Parameter write: is called on the log's thread and may block.
  package init(capacity: Int, write: @escaping @Sendable (JournalEntry) -> Void) {
    let queue = BoundedQueue<Item>(capacity: capacity)
    let dropped = DropCounter()
    self.queue = queue
    self.dropped = dropped
    thread = DedicatedThread(name: "journal") {
      var reported = 0
      while let items = queue.takeAll() {
        for item in items {
          switch item {
          case .entry(let entry): write(entry)
          case .barrier(let reached): reached()
          }
        }
        let count = dropped.count.load(ordering: .relaxed)
        if count > reported {
          write(Self.gap(count - reported))
          reported = count
        }
      }
    }
  }

  deinit {
    // The thread writes what is left and ends.
    queue.close()
    thread.join()
  }

  package func record(_ event: Event) {
    append(JournalEntry(event, at: .now))
  }

  /// Entries lost because the journal took none for too long. Each gap is also said in the journal.
  package var droppedCount: Int { dropped.count.load(ordering: .relaxed) }

  /// Waits until everything recorded before is written; false if that takes longer than `limit`. For the end of a
  /// process.
  package func flush(within limit: Duration) -> Bool {
    let reached = BoundedQueue<Void>(capacity: 1)
    guard queue.offer(.barrier({ _ = reached.offer(()) })) else { return false }
    return reached.takeAll(timeout: limit) != nil
  }

  func append(_ entry: JournalEntry) {
    if !queue.offer(.entry(entry)) { dropped.count.add(1, ordering: .relaxed) }
  }

  private static func gap(_ count: Int) -> JournalEntry {
    JournalEntry(
      priority: Event.Level.warning.rawValue, time: .now,
      message:
        "\(count) journal entries are lost: the journal took none for too long; staypos-ctl history has all verdicts",
      fields: [JournalField("STAYPOS_LOST", "\(count)")])
  }
}

private final class DropCounter: Sendable {
  let count = Atomic<Int>(0)
}
