import StayposCore
import SystemPackage

// Parameters of the replies of `io.staypos.Control`. Property names are the Varlink names.

package struct StatusReply: Codable, Sendable {
  package var status: DaemonStatus

  package init(status: DaemonStatus) {
    self.status = status
  }
}

package struct ThresholdReply: Codable, Sendable {
  package var threshold: ThresholdState

  package init(threshold: ThresholdState) {
    self.threshold = threshold
  }
}

/// One of both.
package struct SubmitReply: Codable, Sendable {
  package var queueId: Int64?
  /// If the call has waited for the verdict.
  package var entry: HistoryRecord?

  package init(queueId: Int64) {
    self.queueId = queueId
  }

  package init(entry: HistoryRecord) {
    self.entry = entry
  }
}

package struct HistoryReply: Codable, Sendable {
  package var entry: HistoryRecord

  package init(entry: HistoryRecord) {
    self.entry = entry
  }
}

/// A page of a list; with `more`, pages follow until one does not continue.
package struct ListReply<Element: Codable & Sendable>: Codable, Sendable {
  package var entries: [Element]

  package init(entries: [Element]) {
    self.entries = entries
  }
}

package struct QuarantineReply: Codable, Sendable {
  package var object: QuarantineObject

  package init(object: QuarantineObject) {
    self.object = object
  }
}

package struct RestoreReply: Codable, Sendable {
  /// Where the file is now.
  package var path: String
  package var pathBase64: String?

  package init(path: FilePath) {
    (self.path, pathBase64) = path.json
  }
}

package struct MonitorReply: Codable, Sendable {
  /// Absent in the first reply, which says that the stream has begun, and where only ``lost`` is news.
  package var event: EventRecord?
  /// Events since the last reply that this client was too slow for.
  package var lost: Int

  package init(event: EventRecord?, lost: Int) {
    self.event = event
    self.lost = lost
  }
}
