import ControlServer
import Journaling
import StayposCore

/// Where every event goes: to the journal, and to whoever monitors the daemon.
package final class EventHub: Sendable {
  private let journal: EventLog
  /// For the control server.
  let feed = EventFeed()

  package init(journal: EventLog) {
    self.journal = journal
  }

  package func record(_ event: Event) {
    journal.record(event)
    feed.publish(event)
  }
}
