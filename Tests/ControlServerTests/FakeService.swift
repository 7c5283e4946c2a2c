import ControlInterface
import ControlServer
import Glibc
import StayposCore
import Synchronization
import SystemPackage
import Threading

/// A daemon without images: keeps what it is told.
final class FakeService: ControlService {
  struct State: Sendable {
    var threshold = 0.5
    var origin = ThresholdOrigin.model
    var isPaused = false
    var reloads = 0
    var rescans: [FilePath?] = []
    var allowed: [SHA256Digest: String] = [:]
    var restored: [FilePath?] = []
    var deleted: [QuarantineID] = []
    var waiters: [SubmissionWaiter] = []
    var submitted: [FilePath] = []
    var denied: [(ControlMethod, Peer)] = []
    var historySize = 250
    var queueSize = 3
    /// Bytes of the names of files in the queue, at least.
    var nameLength = 1
    /// Microseconds that a page of the history takes.
    var pageTime: UInt32 = 0
    /// Jobs on the helper thread stand still while it is set.
    var isHeld = false
    /// A pause does, as behind a long transaction.
    var isPauseHeld = false
    /// The next page of the history stands still while it is set, and the whole server with it.
    var isPageHeld = false
    /// Pages of the history and looks at the threshold, as they came.
    var reads: [ControlMethod] = []
  }

  let state = Monitor(State())
  static let time = Timestamp(seconds: 1_795_253_400, nanoseconds: 0)
  static let digest = SHA256Digest(String(repeating: "ab", count: 32))
  static let missing = QuarantineID(at: time, random: 999)

  func status() throws(ControlFailure) -> DaemonStatus {
    DaemonStatus(
      version: "1.2", state: state.read { $0.isPaused } ? .paused : .ready, pid: 1, startedAt: Self.time,
      now: Self.time.advanced(by: .seconds(5)), model: Self.digest.map { .init(name: "lite0", sha256: $0) },
      threshold: try threshold(), mode: .enforce, queueDepth: 3, oldestQueuedSeconds: 1.5, inFlight: 1,
      counts: .init(flagged: 1, clear: 2, notScored: 3), roots: [.init(path: "/up", state: "watching")], watches: 2,
      overflows: 0, pendingWriters: [],
      quarantine: .init(count: 2, bytes: 20), scorers: [.init(pid: 2, state: "idle", restarts: 0)],
      sandbox: "landlock seccomp",
      degradations: [Degradation(kind: "watch-limit", detail: "d", since: Self.time, remedy: "r")])
  }

  func threshold() throws(ControlFailure) -> ThresholdState {
    let (value, origin) = state.update { state in
      state.reads.append(.getThreshold)
      return (state.threshold, state.origin)
    }
    guard let threshold = Threshold(value) else { throw .refused("impossible") }
    return ThresholdState(value: threshold, origin: origin)
  }

  func queue(after place: QueueItem?, limit: Int) throws(ControlFailure) -> Page<QueueItem, QueueItem> {
    let identity = FileIdentity(device: 1, inode: 2, birth: nil, size: 3, modified: Self.time, changed: Self.time)
    let (size, length) = state.read { ($0.queueSize, $0.nameLength) }
    let first = place.map { Int($0.id) + 1 } ?? 0
    let items = (first..<min(first + limit, size)).map { index -> QueueItem in
      let name = "\(index)" + String(repeating: "x", count: max(0, length - "\(index)".count))
      return QueueItem(
        id: Int64(index), path: FilePath("/up/\(name)"), identity: identity, priority: .live, enqueued: Self.time,
        attempts: 0)
    }
    return Page(items, next: first + limit < size ? items.last : nil)
  }

  /// Entries `historySize` to 1; every third is flagged, none is not scored. Entry 1 has a name that is not UTF-8. Looks at
  /// a hundred for each page.
  func history(_ query: HistoryQuery) throws(ControlFailure) -> Page<HistoryEntry, Int64> {
    state.update { $0.reads.append(.listHistory) }
    _ = state.wait(timeout: .seconds(20)) { $0.isPageHeld ? nil : () }
    usleep(state.read { $0.pageTime })
    let first = min(query.before.map { $0 - 1 } ?? .max, Int64(state.read { $0.historySize }))
    guard let threshold = Threshold(0.5), first > 0 else { return Page([], next: nil) }
    let last = max(1, first - 99)
    let entries = stride(from: first, through: last, by: -1).map { id -> HistoryEntry in
      let path = id == 1 ? FilePath(bytes: Array("/up/".utf8) + [0xFF]) ?? "/" : FilePath("/up/\(id)")
      return HistoryEntry(
        id: id, time: Self.time, path: path, sha256: Self.digest, verdict: id % 3 == 0 ? .flagged : .clear,
        score: Score(realScore: 0, fakeScore: 1, bias: 0), threshold: threshold, duration: .seconds(1))
    }
    let found = entries.filter { query.verdict == nil || $0.verdict.name == query.verdict }.prefix(query.limit)
    let end = found.count == query.limit ? found.last?.id : last
    return Page(Array(found), next: end.flatMap { $0 > 1 ? $0 : nil })
  }

  func historyEntry(_ id: Int64) throws(ControlFailure) -> HistoryEntry? {
    try history(HistoryQuery(limit: 1, before: id + 1)).entries.first { $0.id == id }
  }

  private func object(_ index: UInt64) -> QuarantineObject? {
    guard let digest = Self.digest, let threshold = Threshold(0.5) else { return nil }
    return QuarantineObject(
      id: QuarantineID(at: Self.time, random: index), time: Self.time, path: FilePath("/up/\(index)"), sha256: digest,
      size: 10,
      score: Score(realScore: 0, fakeScore: 1, bias: 0), threshold: threshold, model: digest, uid: 33, gid: 33,
      mode: 0o644, modified: Self.time, links: 1, writerOpen: nil,
      host: "host")
  }

  /// 150 objects.
  func quarantined(before: QuarantineID?, limit: Int) throws(ControlFailure) -> Page<QuarantineObject, QuarantineID> {
    let all = (0..<150).reversed().compactMap { object(UInt64($0)) }
    let rest = all.filter { object in before.map { object.id < $0 } ?? true }
    return Page(Array(rest.prefix(limit)), next: rest.count > limit ? rest[limit - 1].id : nil)
  }

  func quarantineObject(_ id: QuarantineID) throws(ControlFailure) -> QuarantineObject? {
    try quarantined(before: nil, limit: 1000).entries.first { $0.id == id }
  }

  func allowlist() throws(ControlFailure) -> [AllowRecord] {
    state.read { state in
      state.allowed.map { AllowRecord(sha256: $0.key, note: $0.value, time: Self.time) }
    }
  }

  func setThreshold(_ value: Threshold, by peer: Peer) throws(ControlFailure) -> ThresholdState {
    state.update { state in
      state.threshold = value.value
      state.origin = .runtime
    }
    return try threshold()
  }

  func resetThreshold(by peer: Peer) throws(ControlFailure) -> ThresholdState {
    state.update { state in
      state.threshold = 0.5
      state.origin = .model
    }
    return try threshold()
  }

  func pause(by peer: Peer) throws(ControlFailure) {
    _ = state.wait(timeout: .seconds(20)) { $0.isPauseHeld ? nil : () }
    state.update { $0.isPaused = true }
  }

  func resume(by peer: Peer) throws(ControlFailure) { state.update { $0.isPaused = false } }

  func addAllow(_ digest: SHA256Digest, note: String, by peer: Peer) throws(ControlFailure) {
    state.update { $0.allowed[digest] = note }
  }

  func removeAllow(_ digest: SHA256Digest, by peer: Peer) throws(ControlFailure) {
    guard state.update({ $0.allowed.removeValue(forKey: digest) }) != nil else {
      throw .notFound("\(digest) is not on the allowlist")
    }
  }

  func reload(by peer: Peer) throws(ControlFailure) {
    _ = state.wait(timeout: .seconds(20)) { $0.isHeld ? nil : () }
    state.update { $0.reloads += 1 }
    throw .refused("stayposd.toml:3:1: unknown key")
  }

  func rescan(_ path: FilePath?, by peer: Peer) throws(ControlFailure) { state.update { $0.rescans.append(path) } }

  func submit(_ path: FilePath, waiting: SubmissionWaiter?, by peer: Peer) throws(ControlFailure) -> Int64 {
    guard path.lastComponent != "refused" else { throw .refused("outside the watched directories") }
    return state.update { state in
      state.submitted.append(path)
      if let waiting { state.waiters.append(waiting) }
      return Int64(state.submitted.count)
    }
  }

  func restore(_ id: QuarantineID, to path: FilePath?, by peer: Peer) throws(ControlFailure) -> FilePath {
    guard let object = try quarantineObject(id) else { throw .notFound("nothing in the quarantine is \(id)") }
    state.update { $0.restored.append(path) }
    return path ?? FilePath(object.path)
  }

  func delete(_ id: QuarantineID, by peer: Peer) throws(ControlFailure) {
    guard id != Self.missing else { throw .notFound("nothing in the quarantine is \(id)") }
    state.update { $0.deleted.append(id) }
  }

  func accessDenied(_ method: ControlMethod, to peer: Peer) {
    state.update { $0.denied.append((method, peer)) }
  }
}
