import Cataloguing
import Filesystem
import Foundation
import GRDB
import Hashing
import Journaling
import Quarantining
import Scoring
import StayposCore
import SystemPackage
import Watching

@testable import Daemon

/// Catalogue, quarantine and an upload directory of a test's own. Scores come from the history, so that no scorer is
/// needed: what the model said about the same bytes before.
final class JudgeHarness {
  let directory: FilePath
  let uploads: FilePath
  let context: PipelineContext
  var setup: ScoringSetup
  private let threshold: Threshold

  init() throws {
    guard let threshold = Threshold(0.5) else { throw Errno.invalidArgument }
    self.threshold = threshold
    var template = Array("/tmp/staypos-judge-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    directory = FilePath(platformString: template)
    uploads = directory.appending("uploads")
    for name in ["uploads", "state"] {
      try FileManager.default.createDirectory(
        atPath: directory.appending(name).string, withIntermediateDirectories: false)
    }
    let model = directory.appending("model")
    try Data("model".utf8).write(to: URL(fileURLWithPath: model.string))
    let events = EventHub(journal: EventLog(capacity: 64) { _ in })
    context = PipelineContext(
      catalogue: try Catalogue(directory: directory.appending("state")),
      quarantine: try Quarantine(directory: directory.appending("quarantine"), maxBytes: 0), events: events,
      degradations: DegradationBoard(events: events),
      policy: PolicyState(modelThreshold: threshold, fileThreshold: nil, runtimeThreshold: nil, mode: .enforce),
      roots: [WatchRoot(path: directory)])
    let configuration = ScorerConfiguration(executable: "/nonexistent")
    let source = try ModelSource(path: model)
    setup = ScoringSetup(
      configuration: configuration, source: source,
      model: ScorerModel(
        name: "test", sha256: try SHA256Digest(contentsOf: source.descriptor.rawValue), threshold: threshold,
        head: .positive, precision: .fp32, minimumSize: 1),
      sandbox: SandboxReport(landlock: 1, seccomp: true, privilegesDropped: true))
  }

  deinit {
    try? FileManager.default.removeItem(atPath: directory.string)
  }

  /// A queued and leased file whose bytes were flagged before under another name.
  func flaggedUpload(_ name: String) throws -> QueueItem {
    let path = uploads.appending(name)
    try Data("generated".utf8).write(to: URL(fileURLWithPath: path.string))
    let file = try RegularFile(opening: path)
    var entry = HistoryEntry(
      time: .now, path: "/elsewhere", verdict: .flagged, threshold: threshold, duration: .zero)
    entry.sha256 = try SHA256Digest(contentsOf: file.descriptor.rawValue)
    entry.score = Score(realScore: 0, fakeScore: 9, bias: -1)
    entry.imageSize = ImageSize(width: 8, height: 8)
    entry.model = setup.model.sha256
    _ = try context.catalogue.complete(itemID: nil, entry: entry, identity: nil)
    _ = try context.catalogue.enqueue(
      Cataloguing.Admission(path: path, identity: file.status.identity, priority: .live), at: .now)
    guard let item = try context.catalogue.lease(now: .now) else { throw Errno.noSuchFileOrDirectory }
    return item
  }

  /// A queued and leased file that nobody has seen before.
  func upload(_ name: String, _ content: String) throws -> QueueItem {
    try enqueue(name, content)
    guard let item = try context.catalogue.lease(now: .now) else { throw Errno.noSuchFileOrDirectory }
    return item
  }

  func enqueue(_ name: String, _ content: String) throws {
    let path = uploads.appending(name)
    try Data(content.utf8).write(to: URL(fileURLWithPath: path.string))
    let identity = try RegularFile(opening: path).status.identity
    _ = try context.catalogue.enqueue(Cataloguing.Admission(path: path, identity: identity, priority: .live), at: .now)
  }

  /// - Parameter scoring: nil: the test needs no scorer.
  func judge(
    _ item: QueueItem, patience: @escaping (CatalogueError) -> Bool = { _ in false },
    scoring: (() throws -> ScoringOutcome)? = nil
  ) throws {
    try judge(item, patience: patience) { _ in try scoring?() }
  }

  /// - Parameter scoring: at which threshold it may stop; nil: the test needs no scorer.
  func judge(
    _ item: QueueItem, patience: @escaping (CatalogueError) -> Bool = { _ in false },
    stopping scoring: (Threshold?) throws -> ScoringOutcome?
  ) throws {
    let judge = Judge(context: context, setup: setup, item: item, step: {}, patience: patience)
    _ = try judge.run { _, threshold in
      guard let outcome = try? scoring(threshold) else { return .failed(.couldNotStart("none is wanted")) }
      return .outcome(outcome, duration: .zero)
    }
  }

  /// Makes a change again until it shows in ctime, which older kernels count in ticks of some milliseconds.
  func untilNoticed(_ path: FilePath, _ change: () throws -> Void) throws {
    let before = try RegularFile(opening: path).status.identity.changed
    let deadline = ContinuousClock.now + .seconds(10)
    repeat {
      try change()
    } while try RegularFile(opening: path).status.identity.changed == before
      && ContinuousClock.now < deadline
  }

  /// As on a full disk: no verdict can be written until ``acceptVerdicts()``.
  func refuseVerdicts() throws { try refuse("INSERT ON history") }

  func acceptVerdicts() throws { try acceptEverything() }

  /// - Parameter change: for example `INSERT ON history`.
  func refuse(_ change: String) throws {
    try database().write { database in
      try database.execute(sql: "CREATE TRIGGER refusal BEFORE \(change) BEGIN SELECT RAISE(ABORT, 'full'); END")
    }
  }

  func acceptEverything() throws {
    try database().write { try $0.execute(sql: "DROP TRIGGER refusal") }
  }

  private func database() throws -> DatabaseQueue {
    try DatabaseQueue(path: directory.appending("state/catalogue.sqlite").string)
  }
}
