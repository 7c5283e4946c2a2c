import Foundation
import Glibc
import SystemPackage
import TestSupport

/// Whoever steers the daemon: every command at random, on a connection of its own each.
final class SoakCommander {
  /// What it leaves behind.
  struct Report: Sendable {
    var commands: [String: Int] = [:]
    /// Refused, and why that is no surprise is for the oracle to see.
    var refusals = 0
    /// Files that have to lie where they were put.
    var places: [FilePath: SoakContent] = [:]
  }

  private let daemon: RunningDaemon
  private let ledger: SoakLedger
  private var random: SeededGenerator
  private let home: FilePath
  private let original: String
  private(set) var report = Report()
  private var isPaused = false
  private var nextName = 0

  init(_ daemon: RunningDaemon, ledger: SoakLedger, seed: UInt64) throws {
    self.daemon = daemon
    self.ledger = ledger
    random = SeededGenerator(seed: seed)
    home = daemon.uploads.appending("commander")
    original = daemon.text(daemon.configuration)
    try FileManager.default.createDirectory(atPath: home.string, withIntermediateDirectories: true)
  }

  private static let turns: [(weight: Int, turn: @Sendable (SoakCommander) throws -> Void)] = [
    (10, { try $0.setThreshold() }), (4, { try $0.command("ResetThreshold") }), (6, { try $0.pause() }),
    (6, { try $0.rescan() }), (14, { try $0.submit() }), (5, { try $0.reload() }), (3, { try $0.reloadNonsense() }),
    (12, { try $0.restore() }), (22, { try $0.delete() }), (8, { try $0.allow() }), (6, { try $0.removeOwn() }),
    (4, { try $0.touchOwn() }), (10, { try $0.look() }),
  ]
  private static let weights = turns.map(\.weight).reduce(0, +)

  /// One command at random.
  func turn() throws {
    if isPaused { return try resume() }
    var number = Int.random(in: 0..<Self.weights, using: &random)
    for (weight, turn) in Self.turns {
      number -= weight
      if number < 0 { return try turn(self) }
    }
  }

  /// At the end: nothing stands in the daemon's way.
  func finish() throws {
    if isPaused { try resume() }
    try daemon.write(original, to: daemon.configuration)
    try reloadSurely()
  }

  /// One that must not fail.
  @discardableResult
  private func command(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
    report.commands[method, default: 0] += 1
    return try daemon.call(method, parameters)
  }

  /// One that the daemon may have reason to refuse.
  private func request(_ method: String, _ parameters: [String: Any]) throws -> Bool {
    do {
      try command(method, parameters)
      return true
    } catch is ControlConnection.Refusal {
      report.refusals += 1
      return false
    }
  }

  /// A good configuration is refused if the scorer that loads the model is killed over it.
  private func reloadSurely() throws {
    for _ in 0..<5 {
      do {
        try command("Reload")
        return
      } catch let error as ControlConnection.Refusal where error.message?.contains("ended by SIG") == true {
        report.refusals += 1
      }
    }
    throw RunningDaemon.Failure("five scorers were killed while the configuration was reloaded")
  }

  private func freshName() -> FilePath {
    nextName += 1
    return home.appending("back-\(nextName)")
  }

  // MARK: Policy

  private func setThreshold() throws {
    try command("SetThreshold", ["value": Double.random(in: SoakContent.thresholds, using: &random)])
  }

  private func pause() throws {
    try command("Pause")
    isPaused = true
    usleep(UInt32.random(in: 0...500_000, using: &random))
  }

  private func resume() throws {
    try command("Resume")
    isPaused = false
  }

  private func reload() throws {
    let threshold = Double.random(in: SoakContent.thresholds, using: &random)
    let settle = Int.random(in: 10...60, using: &random)
    try daemon.write(
      original.replacing("[detector]\n", with: "[detector]\nthreshold = \(threshold)\n", maxReplacements: 1)
        .replacing("settle_milliseconds = 20", with: "settle_milliseconds = \(settle)"), to: daemon.configuration)
    try reloadSurely()
  }

  private func reloadNonsense() throws {
    try daemon.write("\(original)\n[nonsense]\n", to: daemon.configuration)
    guard try !request("Reload", [:]) else { throw RunningDaemon.Failure("nonsense was accepted") }
    try daemon.write(original, to: daemon.configuration)
    try reloadSurely()
  }

  // MARK: Queue

  private func rescan() throws {
    let path = Bool.random(using: &random) ? daemon.uploads : try anyUpload()
    guard let path else { return }
    _ = try request("Rescan", Bool.random(using: &random) ? [:] : ["path": path.string])
  }

  private func submit() throws {
    guard let path = try anyUpload() else { return }
    _ = try request("Submit", ["path": path.string, "wait": Bool.random(using: &random)])
  }

  /// A file or a directory of some writer.
  private func anyUpload() throws -> FilePath? {
    var path = daemon.uploads
    for _ in 0..<3 {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: path.string)) ?? []
      guard let name = names.filter({ $0 != "commander" }).sorted().randomElement(using: &random) else { break }
      path.append(name)
    }
    return path == daemon.uploads ? nil : path
  }

  // MARK: Quarantine

  private func anyObject() -> (id: String, content: Int)? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: daemon.quarantine.string)) ?? []
    guard
      let id = names.filter({ !$0.hasPrefix(".") && !$0.hasSuffix(".json") }).sorted().randomElement(using: &random),
      let bytes = try? contents(of: daemon.quarantine.appending(id)), let number = SoakContent.number(in: bytes)
    else { return nil }
    return (id, number)
  }

  private func restore() throws {
    guard let (id, number) = anyObject() else { return }
    let path = freshName()
    guard try request("RestoreQuarantine", ["id": id, "to": path.string]) else { return }
    ledger.change(number) { $0.isRestored = true }
    report.places[path] = ledger.accounts[number].content
  }

  private func delete() throws {
    guard let (id, number) = anyObject(), try request("DeleteQuarantine", ["id": id]) else { return }
    ledger.change(number) { $0.surelyGone += 1 }
  }

  // MARK: Own files

  /// On the allowlist first, then an upload.
  private func allow() throws {
    let content = ledger.begin(SoakContent.allowedKind(using: &random))
    let path = freshName()
    let outside = daemon.directory.appending("allowed")
    try daemon.drop(try content.bytes(), at: outside)
    let digest = try SystemTool.run("/usr/bin/sha256sum", [outside.string]).prefix(64)
    try command("AddAllow", ["sha256": String(digest), "note": "soak"])
    try move(outside, path)
    ledger.change(content.number) { $0.names += 1 }
    report.places[path] = content
  }

  private func removeOwn() throws {
    guard let path = report.places.keys.sorted(by: { $0.string < $1.string }).randomElement(using: &random) else {
      return
    }
    guard unlink(path.string) == 0 else { throw RunningDaemon.Failure("\(path): \(Errno(rawValue: errno))") }
    if let content = report.places.removeValue(forKey: path) {
      ledger.change(content.number) { $0.surelyGone += 1 }
    }
  }

  private func touchOwn() throws {
    guard let path = report.places.keys.sorted(by: { $0.string < $1.string }).randomElement(using: &random) else {
      return
    }
    guard chmod(path.string, 0o640) == 0 else { throw RunningDaemon.Failure("\(path): \(Errno(rawValue: errno))") }
  }

  private func look() throws {
    try command("GetStatus")
    try command("ListHistory", ["limit": 200])
    try command("ListQueue")
    try command("ListAllow")
  }
}
