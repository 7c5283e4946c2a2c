import ControlInterface
import StayposCore
import SystemPackage

/// What the daemon gives to those who ask over the socket. The server has checked rights and parameters before it calls.
///
/// The methods of the first group run on the control thread and must be quick (a look into memory, a short query). Those of
/// the second and of the third run one after the other on a thread for each group; those of the third may take their time.
package protocol ControlService: Sendable {
  // Reading.
  func status() throws(ControlFailure) -> DaemonStatus
  func threshold() throws(ControlFailure) -> ThresholdState
  /// A page of what waits, in order of service, beginning behind `place`.
  func queue(after place: QueueItem?, limit: Int) throws(ControlFailure) -> Page<QueueItem, QueueItem>
  /// A page of verdicts, the newest first.
  func history(_ query: HistoryQuery) throws(ControlFailure) -> Page<HistoryEntry, Int64>
  /// nil: no such entry.
  func historyEntry(_ id: Int64) throws(ControlFailure) -> HistoryEntry?
  /// A page of objects by falling id, beginning below `before`.
  func quarantined(before: QuarantineID?, limit: Int) throws(ControlFailure) -> Page<QuarantineObject, QuarantineID>
  /// nil: no such object.
  func quarantineObject(_ id: QuarantineID) throws(ControlFailure) -> QuarantineObject?
  func allowlist() throws(ControlFailure) -> [AllowRecord]

  // Quick changes.
  func setThreshold(_ value: Threshold, by peer: Peer) throws(ControlFailure) -> ThresholdState
  func resetThreshold(by peer: Peer) throws(ControlFailure) -> ThresholdState
  func pause(by peer: Peer) throws(ControlFailure)
  func resume(by peer: Peer) throws(ControlFailure)
  func addAllow(_ digest: SHA256Digest, note: String, by peer: Peer) throws(ControlFailure)
  /// Throws ``ControlFailure/notFound(_:)`` if the digest is not on the list.
  func removeAllow(_ digest: SHA256Digest, by peer: Peer) throws(ControlFailure)

  // Changes that may take long.
  func reload(by peer: Peer) throws(ControlFailure)
  /// - Parameter path: nil for all roots.
  func rescan(_ path: FilePath?, by peer: Peer) throws(ControlFailure)
  /// Queues a file and returns its place. Whoever waits for the verdict is in `waiting`: keep it and settle it once,
  /// from any thread.
  func submit(_ path: FilePath, waiting: SubmissionWaiter?, by peer: Peer) throws(ControlFailure) -> Int64
  /// Returns where the file is now.
  func restore(_ id: QuarantineID, to path: FilePath?, by peer: Peer) throws(ControlFailure) -> FilePath
  func delete(_ id: QuarantineID, by peer: Peer) throws(ControlFailure)

  // What the server has to say.
  /// A change was refused for want of rights; belongs into the journal.
  func accessDenied(_ method: ControlMethod, to peer: Peer)
}

/// Which verdicts are asked for; every condition that is not nil narrows.
package struct HistoryQuery: Sendable, Equatable {
  /// Entries at most.
  package var limit: Int
  package var verdict: Verdict.Name?
  /// This file, or everything below this directory.
  package var path: FilePath?
  /// Not older.
  package var since: Timestamp?
  /// Smaller ids only: where the page before has ended.
  package var before: Int64?

  package init(
    limit: Int, verdict: Verdict.Name? = nil, path: FilePath? = nil, since: Timestamp? = nil, before: Int64? = nil
  ) {
    self.limit = limit
    self.verdict = verdict
    self.path = path
    self.since = since
    self.before = before
  }
}
