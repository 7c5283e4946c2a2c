import SystemPackage

/// Something that happened and that the journal has to say. Every kind has one MESSAGE_ID and one catalog entry.
package struct Event: Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    // Files
    case flagged
    case clear
    case notScored = "not-scored"
    case withdrawn
    case quarantined
    case quarantineFailed = "quarantine-failed"
    case restored
    case deleted
    case evidenceChanged = "evidence-changed"
    // Watching
    case watchStarted = "watch-started"
    case overflow
    case degraded
    case recovered
    case writerPending = "writer-pending"
    // Scoring
    case scorerFailed = "scorer-failed"
    // Control
    case thresholdChanged = "threshold-changed"
    case paused
    case resumed
    case reloaded
    case reloadFailed = "reload-failed"
    case allowlistChanged = "allowlist-changed"
    case accessDenied = "access-denied"
    // Life
    case started
    case stopped
    case startFailed = "start-failed"
    case internalError = "internal-error"
  }

  /// syslog(3) priorities that staypos uses.
  package enum Level: Int, Sendable {
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6
    case debug = 7
  }

  package var kind: Kind
  package var level: Level
  /// One line, no path in it: fields carry the data.
  package var message: String
  package var path: FilePath?
  package var sha256: SHA256Digest?
  package var verdict: Verdict?
  package var score: Score?
  package var threshold: Threshold?
  package var model: SHA256Digest?
  package var quarantineID: QuarantineID?
  package var duration: Duration?
  /// Who asked for it over the control socket.
  package var peer: Peer?

  package init(
    _ kind: Kind, _ level: Level, _ message: String, path: FilePath? = nil, sha256: SHA256Digest? = nil,
    verdict: Verdict? = nil, score: Score? = nil, threshold: Threshold? = nil, model: SHA256Digest? = nil,
    quarantineID: QuarantineID? = nil, duration: Duration? = nil, peer: Peer? = nil
  ) {
    self.kind = kind
    self.level = level
    self.message = message
    self.path = path
    self.sha256 = sha256
    self.verdict = verdict
    self.score = score
    self.threshold = threshold
    self.model = model
    self.quarantineID = quarantineID
    self.duration = duration
    self.peer = peer
  }
}

/// The process at the other end of a control connection (SO_PEERCRED).
package struct Peer: Hashable, Sendable {
  package var uid: UInt32
  package var gid: UInt32
  package var pid: Int32

  package init(uid: UInt32, gid: UInt32, pid: Int32) {
    self.uid = uid
    self.gid = gid
    self.pid = pid
  }
}
