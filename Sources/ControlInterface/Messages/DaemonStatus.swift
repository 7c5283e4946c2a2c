import StayposCore
import SystemPackage

/// `type Status`: what `staypos-ctl status` shows.
package struct DaemonStatus: Codable, Sendable, Equatable {
  /// Anybody may keep files open: the reply stays small.
  package static let writerLimit = 100

  package enum State: String, Codable, Sendable {
    case ready
    case paused
    case degraded
  }

  package struct Model: Codable, Sendable, Equatable {
    package var name: String
    package var sha256: SHA256Digest

    package init(name: String, sha256: SHA256Digest) {
      self.name = name
      self.sha256 = sha256
    }
  }

  package struct Counts: Codable, Sendable, Equatable {
    package var flagged: Int
    package var clear: Int
    package var notScored: Int

    package init(flagged: Int, clear: Int, notScored: Int) {
      self.flagged = flagged
      self.clear = clear
      self.notScored = notScored
    }
  }

  package struct Root: Codable, Sendable, Equatable {
    package var path: String
    package var pathBase64: String?
    /// For example `watching`, `scanning`, `missing`.
    package var state: String

    package init(path: FilePath, state: String) {
      (self.path, pathBase64) = path.json
      self.state = state
    }
  }

  /// `type Writer`: a file that cannot be scored yet, since somebody has been writing it for long.
  package struct Writer: Codable, Sendable, Equatable {
    package var path: String
    package var pathBase64: String?
    package var since: String

    package init(path: FilePath, since: Timestamp) {
      (self.path, pathBase64) = path.json
      self.since = since.rfc3339
    }
  }

  package struct Quarantine: Codable, Sendable, Equatable {
    package var count: Int
    package var bytes: Int64

    package init(count: Int, bytes: Int64) {
      self.count = count
      self.bytes = bytes
    }
  }

  package struct Scorer: Codable, Sendable, Equatable {
    package var pid: Int32
    /// For example `idle`, `scoring`, `starting`.
    package var state: String
    package var restarts: Int

    package init(pid: Int32, state: String, restarts: Int) {
      self.pid = pid
      self.state = state
      self.restarts = restarts
    }
  }

  package struct Problem: Codable, Sendable, Equatable {
    package var kind: String
    package var detail: String
    package var since: String
    package var remedy: String

    package init(_ degradation: Degradation) {
      kind = degradation.kind
      detail = degradation.detail
      since = degradation.since.rfc3339
      remedy = degradation.remedy
    }
  }

  package var version: String
  package var state: State
  package var pid: Int32
  package var startedAt: String
  package var uptimeSeconds: Double
  /// nil while none is loaded.
  package var model: Model?
  package var threshold: ThresholdState
  package var mode: PolicyMode
  package var queueDepth: Int
  package var oldestQueuedSeconds: Double?
  package var inFlight: Int
  package var counts: Counts
  package var roots: [Root]
  /// Directories with an inotify watch, of all roots.
  package var watches: Int
  /// Times that the kernel dropped events, since the start; everything was scanned again after each.
  package var overflows: Int
  /// The first ``writerLimit``, the longest waiting first.
  package var pendingWriters: [Writer]
  package var quarantine: Quarantine
  package var scorers: [Scorer]
  /// What confines the scorers, for example `landlock seccomp`.
  package var sandbox: String
  package var degradations: [Problem]

  /// - Parameter now: for the uptime.
  package init(
    version: String, state: State, pid: Int32, startedAt: Timestamp, now: Timestamp, model: Model?,
    threshold: ThresholdState, mode: PolicyMode, queueDepth: Int, oldestQueuedSeconds: Double?, inFlight: Int,
    counts: Counts, roots: [Root], watches: Int, overflows: Int, pendingWriters: [Writer], quarantine: Quarantine,
    scorers: [Scorer], sandbox: String, degradations: [Degradation]
  ) {
    self.version = version
    self.state = state
    self.pid = pid
    self.startedAt = startedAt.rfc3339
    uptimeSeconds = now.seconds - startedAt.seconds
    self.model = model
    self.threshold = threshold
    self.mode = mode
    self.queueDepth = queueDepth
    self.oldestQueuedSeconds = oldestQueuedSeconds
    self.inFlight = inFlight
    self.counts = counts
    self.roots = roots
    self.watches = watches
    self.overflows = overflows
    self.pendingWriters = pendingWriters
    self.quarantine = quarantine
    self.scorers = scorers
    self.sandbox = sandbox
    self.degradations = degradations.map(Problem.init)
  }
}

/// `type Threshold`
package struct ThresholdState: Codable, Sendable, Equatable {
  package var value: Threshold
  package var origin: ThresholdOrigin

  package init(value: Threshold, origin: ThresholdOrigin) {
    self.value = value
    self.origin = origin
  }
}
