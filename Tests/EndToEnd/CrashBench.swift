import Foundation
import GRDB
import Glibc
import SystemPackage
import Testing

/// A daemon with a stand-in for the scorer that dies, or meets an error, at a failpoint, comes back, and is judged.
///
/// After each death: the oracle is asked, and then, after another `kill -9`, the next start has to leave everything as it
/// is: a recovery that runs twice changes nothing the second time.
final class CrashBench {
  enum Content: String, CaseIterable {
    case flagged = "score"
    case clear
    case unscorable = "text"
    /// Its scorer dies, each time.
    case deadly = "abort"

    var verdict: String {
      switch self {
      case .flagged: "flagged"
      case .clear: "clear"
      case .unscorable: "not-scored: unsupported-format"
      case .deadly: "not-scored: decoder-crashed"
      }
    }
  }

  let daemon: RunningDaemon
  let oracle: Oracle
  let quarantine: FilePath
  private var dropped = 0
  /// Of the last quiet moment, until the next start.
  private var snapshot: StateSnapshot?
  /// What somebody wanted restored (false) or deleted (true), and may be so.
  private var disputed: [FilePath: Bool] = [:]
  /// An order of this run was refused: it may have been done by half.
  private var hasRefused = false
  /// Verdicts are old, and the history may lose them.
  private var forgets = false
  private var isUp = false
  /// What is put off comes with a reload.
  private var isHurried = false
  /// An object that is too old.
  private var expiring: FilePath?
  private var logged = 0

  init(
    quarantine: FilePath? = nil, detector: String = "workers = 1", environment: [String: String] = [:]
  ) throws {
    daemon = try RunningDaemon(
      settle: 10, quarantine: quarantine, scorer: .standIn, detector: detector, environment: environment)
    self.quarantine = quarantine ?? daemon.quarantine
    oracle = Oracle(daemon, quarantine: self.quarantine)
  }

  // MARK: Load

  /// With attributes that have to stay.
  @discardableResult
  func drop(_ content: Content, in directory: String = "") throws -> FilePath {
    dropped += 1
    return try oracle.deliver(
      Data("\(content.rawValue) \(dropped)".utf8), as: "\(directory)\(dropped)-\(content.rawValue)",
      verdict: content.verdict
    ) { path in
      guard chmod(path.string, 0o640) == 0 else { throw Errno(rawValue: errno) }
      var times = Array(repeating: timespec(tv_sec: 1_000_000_000, tv_nsec: 123_456_789), count: 2)
      guard utimensat(AT_FDCWD, path.string, &times, 0) == 0 else { throw Errno(rawValue: errno) }
    }
  }

  func dropOfEachKind() throws {
    for content in [Content.flagged, .clear, .unscorable] { try drop(content) }
  }

  /// A flagged file that is in the quarantine by now.
  func quarantined() async throws -> (path: FilePath, id: String) {
    let path = try drop(.flagged)
    return (path, try #require(try await daemon.verdict(on: path)["quarantineId"] as? String))
  }

  /// Orders a restore, which may come to nothing.
  func restore(_ path: FilePath, _ id: String) async throws {
    disputed[path] = false
    _ = try await daemon.ctl("quarantine", "restore", id)
  }

  func delete(_ path: FilePath, _ id: String) async throws {
    disputed[path] = true
    _ = try await daemon.ctl("quarantine", "delete", id)
  }

  /// Orders a restore or a deletion over the socket, whatever comes of it.
  func order(_ object: FilePath, isDeletion: Bool) throws {
    let path = try QuarantinedObject(object).path
    disputed[path] = disputed[path] == true || isDeletion
    let id = try #require(object.lastComponent).string
    do {
      _ = try daemon.call(isDeletion ? "DeleteQuarantine" : "RestoreQuarantine", ["id": id])
    } catch is ControlConnection.Refusal {
      hasRefused = true
    }
  }

  /// Somebody renames a file that has had its verdict.
  func rename(_ path: FilePath) throws {
    let new = path.removingLastComponent().appending("renamed-\(path.lastComponent!.string)")
    try move(path, new)
    oracle.change(path) { $0.place = new }
  }

  var wantedVerdicts: Int { oracle.deliveries.map(\.verdicts.count).reduce(0, +) }

  // MARK: Runs

  /// One run after the other, each ending at its failpoints (STAYPOS_FAILPOINT); then judgement.
  /// - Parameters:
  ///   - before: the first start.
  ///   - load: brings the first run to its failpoint; the others get there by themselves.
  func die(
    at plans: [String], load: () async throws -> Void = {}, before: (() throws -> Void)? = nil
  ) async throws {
    if let before {
      if snapshot != nil { try await finish() }
      try before()
    }
    for (index, plan) in plans.enumerated() {
      if try await launch(plan), index == 0 {
        // Whoever talks to the daemon just then gets an error.
        try? await load()
      }
      try #require(try daemon.hasEnded(within: 20), "\(plan): not reached\n\(newLog())")
      #expect(try daemon.endingSignal() == SIGKILL, "\(plan)\n\(newLog())")
      expectReached(plan)
    }
    try await recover(after: "\(plans)")
  }

  /// A run with errors at failpoints, which the daemon outlives, unless it cannot start for them; then judgement. Another
  /// start changes nothing, or, after a restore or deletion that failed half-way, finishes that.
  func endure(_ plan: String, load: () async throws -> Void = {}) async throws {
    if try await launch(plan) {
      try await load()
      _ = try await daemon.eventually("\(plan) is reached") { newLog().contains("failpoint ") ? true : nil }
      try await settle(plan)
      // A restore or deletion that failed half-way is finished by the next start; all else mends itself.
      if disputed.isEmpty {
        try expectNoProblems(plan)
        expectReached(plan)
        snapshot = try StateSnapshot(daemon, quarantine: quarantine)
        return try daemon.crash()
      }
      try daemon.crash()
    } else {
      #expect(try daemon.endingSignal() == nil, "\(plan)\n\(newLog())")
    }
    expectReached(plan)
    try await recover(after: plan)
  }

  /// A load that the daemon outlives, whatever happens to it, on the daemon of the last one if that is well; then judgement,
  /// after another start if something was refused or done by half.
  func live(_ context: String, load: (String) async throws -> Void) async throws {
    if !isUp { try #require(try await launch(), "\(context)\n\(newLog())") }
    isUp = true
    hasRefused = false
    isHurried = true
    defer { isHurried = false }
    try await load(context)
    try await settle(context)
    // A file is safe before its record says so for the last time; if that failed, the next start says it.
    let isHalfDone = try objects().contains { try QuarantinedObject($0).state != "quarantined" }
    if hasRefused || isHalfDone {
      try daemon.crash()
      try #require(try await launch(), "\(context)\n\(newLog())")
      try await settle(context)
    }
    try expectNoProblems(context)
  }

  /// A death whose recovery meets an error, and cannot start for it; then judgement.
  func die(at plan: String, thenFailing next: String, load: () async throws -> Void) async throws {
    if try await launch("\(plan):kill") { try? await load() }
    try #require(try daemon.hasEnded(within: 20), "\(plan): not reached\n\(newLog())")
    #expect(try await !launch(next))
    #expect(try daemon.endingSignal() == nil, "\(next)\n\(newLog())")
    expectReached(next)
    try await recover(after: "\(plan), \(next)")
  }

  private func expectReached(_ plan: String) {
    for order in plan.split(separator: ",") {
      let words = order.split(separator: ":")
      #expect(newLog().contains("failpoint \(words[0]): \(words[1])\n"), "\(order) was never reached\n\(newLog())")
    }
  }

  /// - Returns: false if it ended before it was ready.
  private func launch(_ plan: String? = nil) async throws -> Bool {
    logged = daemon.text(daemon.log).utf8.count
    let socket = try daemon.launch(environment: plan.map { ["STAYPOS_FAILPOINT": $0] } ?? [:])
    var isReady = false
    while !isReady, try !daemon.hasEnded(within: 0) {
      isReady = socket.receive(within: 0.05)?.split(separator: "\n").contains("READY=1") == true
    }
    guard let before = snapshot else { return isReady }
    snapshot = nil
    // Nothing has happened meanwhile, and nothing must come of it.
    _ = try await daemon.eventually("the scan at the start") {
      try newLog().contains("scan (start) finished") || daemon.hasEnded(within: 0) ? true : nil
    }
    try? await daemon.emptyQueue()
    let changes = try StateSnapshot(daemon, quarantine: quarantine).changes(since: before)
    #expect(changes == [], "before \(plan ?? "the next start")\n\(newLog())")
    return try isReady && !daemon.hasEnded(within: 0)
  }

  /// Starts a daemon to which nothing happens, and judges.
  private func recover(after context: String) async throws {
    try #require(try await launch(), "\(context)\n\(newLog())")
    try await settle(context)
    try expectNoProblems(context)
    snapshot = try StateSnapshot(daemon, quarantine: quarantine)
    try daemon.crash()
  }

  private func expectNoProblems(_ context: String) throws {
    let problems =
      try oracle.problemsOnDisk(daemon.recentHistory()) + oracle.problemsInLog(daemon.text(daemon.log), .atMostOne)
    #expect(problems == [], "\(context)\n\(daemon.text(daemon.log).suffix(6000))")
  }

  /// After the last death.
  func finish() async throws {
    if !isUp { #expect(try await launch()) }
    isUp = false
    #expect(try daemon.stop() == 0)
  }

  /// Waits until all is quiet. What was put off for its failure comes at once: that is what a reload is for.
  private func settle(_ context: String) async throws {
    let wanted = wantedVerdicts
    _ = try await daemon.eventually("\(context): \(wanted) verdicts", within: 60, every: .milliseconds(20)) {
      if try daemon.verdictCount() >= wanted { return true }
      if isHurried || newLog().contains("failpoint ") { _ = try daemon.call("Reload") }
      return nil
    }
    try await oracle.settle(context)
    if let object = expiring {
      _ = try await daemon.eventually("\(context): what is too old goes") {
        if !daemon.exists(object), !daemon.exists(FilePath("\(object).json")) { return true }
        if newLog().contains("failpoint ") { _ = try daemon.call("Reload") }
        return nil
      }
    }
    if forgets {
      _ = try await daemon.eventually("\(context): old verdicts go") {
        let expected = oracle.deliveries.map(\.verdicts.count).reduce(0, +)
        if try daemon.recentHistory().count == expected { return true }
        if newLog().contains("failpoint ") { _ = try daemon.call("Reload") }
        return nil
      }
    }
    for (path, mayBeGone) in disputed {
      oracle.change(path) { delivery in
        let isThere = daemon.exists(delivery.place)
        let isGone = mayBeGone && !isThere && !isInQuarantine(delivery.bytes)
        delivery.fate = isThere ? .inPlace : isGone ? .gone : .quarantined
      }
    }
  }

  // MARK: Time

  /// The oldest object of the quarantine, and the daemon is to keep none so long.
  func expire() async throws {
    try await finish()
    let object = try #require(try objects().first)
    let record = FilePath("\(object).json")
    var fields = try #require(
      try JSONSerialization.jsonObject(with: try contents(of: record)) as? [String: Any])
    var time = try #require(fields["time"] as? [String: Int])
    time["nanoseconds"]? -= 3 * 86_400 * 1_000_000_000
    fields["time"] = time
    let path = try #require(fields["path"] as? String)
    guard chmod(record.string, 0o600) == 0 else { throw Errno(rawValue: errno) }
    try daemon.drop(try JSONSerialization.data(withJSONObject: fields), at: record)
    guard chmod(record.string, 0o400) == 0 else { throw Errno(rawValue: errno) }
    oracle.change(FilePath(path)) { $0.fate = .gone }
    expiring = object
    if !daemon.text(daemon.configuration).contains("retention_days") {
      try daemon.configure("quarantine", "retention_days = 1")
    }
  }

  /// All verdicts so far, and the daemon is to keep none so long.
  func expireVerdicts() async throws {
    try await finish()
    let catalogue = try DatabaseQueue(path: daemon.state.appending("catalogue.sqlite").string)
    try await catalogue.write { try $0.execute(sql: "UPDATE history SET time = time - 259200000000000") }
    for index in oracle.deliveries.indices { oracle.change(at: index) { $0.verdicts = [] } }
    try Data().write(to: URL(filePath: daemon.log.string))
    try daemon.configure("state", "history_days = 1")
    forgets = true
  }

  // MARK: Looking

  /// Of the quarantine, the oldest first.
  func objects() throws -> [FilePath] {
    try FileManager.default.contentsOfDirectory(atPath: quarantine.string)
      .filter { !$0.hasPrefix(".") && !$0.hasSuffix(".json") }.sorted().map { quarantine.appending($0) }
  }

  private func isInQuarantine(_ bytes: Data) -> Bool {
    ((try? objects()) ?? []).contains { (try? contents(of: $0)) == bytes }
  }

  private func newLog() -> String {
    String(decoding: daemon.text(daemon.log).utf8.dropFirst(logged), as: UTF8.self)
  }
}
