/// The Varlink interface of stayposd.
package enum ControlInterface {
  package static let name = "io.staypos.Control"
  package static let defaultSocket = "/run/staypos/control.sock"
  /// Entries of a list reply unless the call says how many.
  package static let defaultLimit = 100

  /// The interface definition that `org.varlink.service.GetInterfaceDescription` answers with.
  package static let description = """
    # Ask stayposd what it does, and steer it. Everybody who can connect may read; root, the daemon's own user and the
    # members of admin_group may change.
    #
    # Times are RFC 3339 in UTC. A path that is not UTF-8 has U+FFFD in place of the bytes at fault, and its exact bytes
    # in base 64 in the field beside it; calls take paths the same way. Digests are 64 hexadecimal digits.
    interface io.staypos.Control

    # origin: model, file or runtime.
    type Threshold (value: float, origin: string)

    type Model (name: string, sha256: string)

    # Verdicts in the history.
    type Counts (flagged: int, clear: int, notScored: int)

    # A watched directory.
    type Root (path: string, pathBase64: ?string, state: string)

    type Quarantine (count: int, bytes: int)

    type Scorer (pid: int, state: string, restarts: int)

    # Something that works less well than it should, and what to do about it.
    type Degradation (kind: string, detail: string, since: string, remedy: string)

    # A file that somebody has had open for writing for long: not scored before that ends.
    type Writer (path: string, pathBase64: ?string, since: string)

    # state: ready, paused or degraded. mode: enforce or observe. watches: directories with an inotify watch. overflows:
    # times that the kernel dropped events, after each of which everything was scanned again. pendingWriters: at most 100.
    type Status (
      version: string,
      state: string,
      pid: int,
      startedAt: string,
      uptimeSeconds: float,
      model: ?Model,
      threshold: Threshold,
      mode: string,
      queueDepth: int,
      oldestQueuedSeconds: ?float,
      inFlight: int,
      counts: Counts,
      roots: []Root,
      watches: int,
      overflows: int,
      pendingWriters: []Writer,
      quarantine: Quarantine,
      scorers: []Scorer,
      sandbox: string,
      degradations: []Degradation
    )

    # priority: backlog, live or submitted.
    type QueueEntry (
      id: int,
      path: string,
      pathBase64: ?string,
      size: int,
      priority: string,
      enqueued: string,
      attempts: int
    )

    # One verdict on one file. verdict: flagged, clear or not-scored; reason: why it was not scored. lowerBound:
    # probability, logit and fakeScore are at least these, for the scan stopped when that was certain (early_exit).
    type History (
      id: int,
      time: string,
      path: string,
      pathBase64: ?string,
      size: ?int,
      sha256: ?string,
      verdict: string,
      reason: ?string,
      detail: ?string,
      probability: ?float,
      logit: ?float,
      realScore: ?float,
      fakeScore: ?float,
      bias: ?float,
      lowerBound: bool,
      width: ?int,
      height: ?int,
      threshold: float,
      model: ?string,
      quarantineId: ?string,
      allowed: bool,
      cached: bool,
      durationSeconds: float
    )

    # A file in the quarantine. mode: octal permissions. links, writerOpen: names that it had, and whether somebody had it
    # open for writing, when it was moved.
    type Quarantined (
      id: string,
      time: string,
      path: string,
      pathBase64: ?string,
      sha256: string,
      size: int,
      probability: ?float,
      logit: ?float,
      lowerBound: bool,
      threshold: float,
      model: ?string,
      uid: int,
      gid: int,
      mode: string,
      modified: string,
      links: int,
      writerOpen: ?bool,
      host: string
    )

    # Content that is clear without scoring.
    type Allowed (sha256: string, note: string, time: string)

    # Something that happened. event: its kind, as in the journal's STAYPOS_EVENT; level: error, warning, notice, info
    # or debug.
    type Event (
      time: string,
      event: string,
      level: string,
      message: string,
      path: ?string,
      pathBase64: ?string,
      sha256: ?string,
      verdict: ?string,
      reason: ?string,
      probability: ?float,
      logit: ?float,
      lowerBound: ?bool,
      threshold: ?float,
      model: ?string,
      quarantineId: ?string,
      durationSeconds: ?float,
      uid: ?int,
      pid: ?int
    )

    method GetStatus() -> (status: Status)

    method GetThreshold() -> (threshold: Threshold)

    # From now on, and after a restart, until it is reset.
    method SetThreshold(value: float) -> (threshold: Threshold)

    # Back to the configuration file's, or else the model's own.
    method ResetThreshold() -> (threshold: Threshold)

    # Files are still queued, none is judged.
    method Pause() -> ()

    method Resume() -> ()

    # Reads the configuration again; a bad one is refused and the old one stays.
    method Reload() -> ()

    # Looks for files that were missed: below one path, or everywhere.
    method Rescan(path: ?string, pathBase64: ?string) -> ()

    # Judges one file before all others. With wait the reply comes with the verdict, else at once with the place in the
    # queue.
    method Submit(path: string, pathBase64: ?string, wait: ?bool) -> (queueId: ?int, entry: ?History)

    # In order of service; without limit, 100. Lists reply once with at most 1,000 entries and 2 MiB, or with 'more' in
    # pages: as many as it takes, and some may have few entries.
    method ListQueue(limit: ?int) -> (entries: []QueueEntry)

    # The newest first; without limit, 100. path: this file, or the files below this directory.
    method ListHistory(
      limit: ?int,
      verdict: ?string,
      path: ?string,
      pathBase64: ?string,
      since: ?string
    ) -> (entries: []History)

    method GetHistory(id: int) -> (entry: History)

    # The newest first, all of them.
    method ListQuarantine() -> (entries: []Quarantined)

    method GetQuarantine(id: string) -> (object: Quarantined)

    # Never overwrites. Replies with the path of the restored file.
    method RestoreQuarantine(id: string, to: ?string, toBase64: ?string) -> (path: string, pathBase64: ?string)

    # Destroys the file and its record.
    method DeleteQuarantine(id: string) -> ()

    method AddAllow(sha256: string, note: ?string) -> ()

    method RemoveAllow(sha256: string) -> ()

    method ListAllow() -> (entries: []Allowed)

    # Needs 'more'. The first reply carries no event: the stream has begun. lost: events since the last reply that the
    # client was too slow for.
    method Monitor() -> (event: ?Event, lost: int)

    error NotFound (message: string)

    error PermissionDenied (message: string)

    # Understood and not done; the message says why and what to do.
    error Refused (message: string)

    """
}
