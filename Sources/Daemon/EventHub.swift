import ControlServer
import Journaling
import StayposCore
import Synchronization

/// Where every event goes: to the journal, and to whoever monitors the daemon.
package final class EventHub: Sendable {
  private let journal: EventLog
  private let listener = Mutex<(@Sendable (Event) -> Void)?>(nil)

  package init(journal: EventLog) {
    self.journal = journal
  }

  package func record(_ event: Event) {
    journal.record(event)
    listener.withLock { $0 }?(event)
  }

  /// - Parameter publish: must not block.
  package func forward(to publish: (@Sendable (Event) -> Void)?) {
    listener.withLock { $0 = publish }
  }
}
