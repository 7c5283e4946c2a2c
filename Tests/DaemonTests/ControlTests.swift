import Cataloguing
import ControlInterface
import ControlServer
import Filesystem
import Foundation
import Quarantining
import StayposCore
import SystemPackage
import Testing
import Watching

@testable import Daemon

/// What the daemon does for whoever may change things, and what not even for them.
@Suite struct ControlTests {
  @Test("the quarantine and the state directory are neither uploads nor targets, wherever they lie")
  func ownDirectories() throws {
    let harness = try JudgeHarness()
    let item = try harness.flaggedUpload("a.png")
    try harness.judge(item)
    let id = try #require(try harness.context.catalogue.history(limit: 1).entries.first?.quarantineID)
    let context = harness.context
    let own = ["quarantine", "state"].map { harness.directory.appending($0) }
    let watcher = try Watcher(
      roots: [WatchRoot(path: harness.directory, recursive: true, include: [], settle: .zero)], excluding: own
    ) { _ in }
    watcher.start()
    defer { watcher.stop() }
    let deadline = ContinuousClock.now + .seconds(20)
    while watcher.status.roots.isEmpty, ContinuousClock.now < deadline { usleep(1000) }
    let control = DaemonControl(
      context: context,
      pipeline: try Pipeline(context: context, setup: harness.setup, workers: 1, isPaused: true), watcher: watcher,
      excluding: own
    ) {}
    let peer = Peer(uid: 0, gid: 0, pid: 1)
    #expect(throws: ControlFailure.self) {
      _ = try control.submit(own[0].appending(id.description), waiting: nil, by: peer)
    }
    #expect(throws: ControlFailure.self) { _ = try control.restore(id, to: own[1].appending("x"), by: peer) }
    #expect(throws: ControlFailure.self) { try control.rescan(own[0], by: peer) }
    #expect(try control.restore(id, to: nil, by: peer) == item.path)
    #expect(try control.submit(item.path, waiting: nil, by: peer) > 0)
  }

  @Test("a page of the quarantine reads so many records, and what cannot be read does not end the list")
  func quarantinePages() throws {
    let harness = try JudgeHarness()
    for index in 0..<27 { try harness.judge(try harness.flaggedUpload("\(index).png")) }
    let ids = try harness.context.quarantine.identifiers()
    for id in ids.suffix(25) {
      try FileManager.default.removeItem(atPath: harness.directory.appending("quarantine/\(id).json").string)
    }
    let control = DaemonControl(
      context: harness.context,
      pipeline: try Pipeline(context: harness.context, setup: harness.setup, workers: 1, isPaused: true),
      watcher: try Watcher(roots: [], excluding: []) { _ in }, excluding: []
    ) {}
    let first = try control.quarantined(before: nil, limit: 100)
    #expect(first.entries.isEmpty && first.next == ids[2])
    let second = try control.quarantined(before: first.next, limit: 100)
    #expect(second.entries.map(\.id) == [ids[1], ids[0]] && second.next == nil)
  }

  @Test("Pitfall 5: the status lists files that a writer has open for long, and counts overflows")
  func openWriters() throws {
    let harness = try JudgeHarness()
    var timing = WatchTiming()
    timing.writerDeadline = .milliseconds(20)
    let watcher = try Watcher(
      roots: [WatchRoot(path: harness.uploads, settle: .milliseconds(5))], excluding: [], timing: timing
    ) { _ in }
    let control = DaemonControl(
      context: harness.context,
      pipeline: try Pipeline(context: harness.context, setup: harness.setup, workers: 1, isPaused: true),
      watcher: watcher, excluding: []
    ) {}
    let path = harness.uploads.appending("slow.png")
    let file = try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite)
    watcher.start()
    defer { watcher.stop() }
    func pending() throws -> [String] { try control.status().pendingWriters.map(\.path) }
    let deadline = ContinuousClock.now + .seconds(20)
    while try pending() != [path.string], ContinuousClock.now < deadline { usleep(1000) }
    #expect(try pending() == [path.string])
    #expect(try control.status().overflows == 0)
    try file.close()
    while try !pending().isEmpty, ContinuousClock.now < deadline { usleep(1000) }
    #expect(try pending() == [])
  }
}
