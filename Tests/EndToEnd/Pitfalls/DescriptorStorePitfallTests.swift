import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// A service manager keeps the daemon's inotify queue while there is no daemon.
@Suite(
  .timeLimit(.minutes(15)), .enabled(if: SystemTool.exists("/usr/bin/python3"), "needs python3 to pass descriptors"))
struct DescriptorStorePitfallTests {
  private func start(_ daemon: RunningDaemon, _ manager: ServiceManager) async throws {
    let before = manager.readies
    try daemon.launch()
    try await daemon.eventually("READY=1", within: 60) { manager.readies > before ? () : nil }
  }

  @Test(
    "Pitfall 30: what happens between two processes is known to the second, be it renamed, deleted or changed",
    arguments: [SIGTERM, SIGKILL])
  func betweenProcesses(signal: CInt) async throws {
    let manager = try ServiceManager()
    let daemon = try RunningDaemon(settle: 20, launcher: manager.launcher)
    let oracle = Oracle(daemon)
    for name in ["alpha", "bravo"] { #expect(mkdir(daemon.uploads.appending(name).string, 0o755) == 0) }
    try await start(daemon, manager)
    // It stays paused over the restart: the queue can be looked at.
    _ = try daemon.call("Pause")
    let changed = try oracle.deliver(sample: "real/rocket.jpg", as: "alpha/changed.jpg")
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "bravo/queued.jpg")
    _ = try await daemon.queued(2)
    try await daemon.eventually("both descriptors") {
      manager.content(of: "watch-map").firstRange(of: Data("bravo".utf8)) == nil ? nil : ()
    }
    #expect(manager.names == ["watch-map", "watch-queue"])
    try daemon.signal(signal)
    _ = try daemon.wait()

    // New ones, one under a temporary name first; one that is gone again; one that is changed; a directory renamed whose
    // file waits in the queue.
    try oracle.deliver(sample: "generated/broccoli-2.jpg", as: "alpha/new.jpg")
    let part = daemon.uploads.appending("alpha/.part")
    let bytes = try SampleVariants.variant(of: "real/rocket.jpg", "renamed")
    try daemon.drop(bytes, at: part)
    try move(part, daemon.uploads.appending("alpha/final.jpg"))
    oracle.expect(bytes, at: daemon.uploads.appending("alpha/final.jpg"), verdict: "clear")
    try daemon.drop(bytes, at: part)
    #expect(unlink(part.string) == 0)
    let other = try SampleVariants.variant(of: "generated/broccoli-1.jpg", "changed")
    try daemon.drop(other, at: changed)
    oracle.change(changed) { delivery in
      (delivery.bytes, delivery.attributes, delivery.verdicts, delivery.fate) = (other, nil, ["flagged"], .quarantined)
    }
    try move(daemon.uploads.appending("bravo"), daemon.uploads.appending("charlie"))
    oracle.change(daemon.uploads.appending("bravo/queued.jpg")) { delivery in
      delivery.path = daemon.uploads.appending("charlie/queued.jpg")
      delivery.place = delivery.path
    }

    try await start(daemon, manager)
    let entries = try await daemon.eventually("four files in the queue") { () -> [String: String]? in
      let entries = try #require(try daemon.call("ListQueue", ["limit": 100])["entries"] as? [[String: Any]])
      let priorities = entries.map { ($0["path"] as? String ?? "", $0["priority"] as? String ?? "") }
      // The scan, which finds them all once more, has to have made nothing of it.
      guard daemon.text(daemon.log).components(separatedBy: "scan (start) finished").count == 3 else { return nil }
      return priorities.count == 4 ? Dictionary(uniqueKeysWithValues: priorities) : nil
    }
    #expect(
      entries
        == Dictionary(
          uniqueKeysWithValues: ["alpha/changed.jpg", "alpha/new.jpg", "alpha/final.jpg", "charlie/queued.jpg"].map {
            (daemon.uploads.appending($0).string, "live")
          }))
    _ = try daemon.call("Resume")
    try await oracle.judge()
    #expect(daemon.text(daemon.log).contains("took over the watches of the process before, 3 directories"))
  }

  /// STAYPOS_DIRECTORIES=100000 is the size of the issue.
  @Test("The map of many watches is left in bounded time, and the next process goes on with it")
  func largeMap() async throws {
    let count = Effort.count("STAYPOS_DIRECTORIES", or: 2000) / 100 * 100
    let manager = try ServiceManager()
    let daemon = try RunningDaemon(detector: "workers = 1", launcher: manager.launcher)
    for index in 0..<count / 100 {
      let directory = daemon.uploads.appending("\(index)")
      #expect(mkdir(directory.string, 0o755) == 0)
      for inner in 0..<99 { #expect(mkdir(directory.appending("\(inner)").string, 0o755) == 0) }
    }
    try await start(daemon, manager)
    func mapped(_ directories: Int) async throws {
      try await daemon.eventually("a map of \(directories) directories", within: 120, every: .milliseconds(5)) {
        manager.map.directories == directories ? () : nil
      }
    }
    try await mapped(count + 1)
    var times: [Duration] = []
    for index in 0..<3 {
      let before = try daemon.processorTime()
      #expect(mkdir(daemon.uploads.appending("new-\(index)").string, 0o755) == 0)
      try await mapped(count + 2 + index)
      times.append(try daemon.processorTime() - before)
    }
    let map = manager.map
    #expect(map.bytes < 64 * (count + 4))
    #expect(try daemon.stop() == 0)
    let launch = ContinuousClock.now
    try await start(daemon, manager)
    let ready = ContinuousClock.now - launch
    try await daemon.eventually("\(count + 4) watches", within: 120, every: .milliseconds(5)) {
      try daemon.status()["watches"] as? Int == count + 4 ? () : nil
    }
    Effort.report(
      "map of \(map.directories) watches: \(map.bytes) bytes, \(times.sorted()[1]) of processor time for one more "
        + "directory; the next process is ready after \(ready) and has all watches after \(ContinuousClock.now - launch)"
    )
    #expect(daemon.text(daemon.log).contains("took over the watches of the process before, \(count + 4) directories"))
    #expect(try daemon.stop() == 0)
  }

  @Test("Pitfall 30: killed again and again under way, with directories that come and go, nothing is lost or doubled")
  func killedUnderWay() async throws {
    let seed = ProcessInfo.processInfo.environment["STAYPOS_SEED"].flatMap(UInt64.init) ?? .random(in: 0..<1_000_000)
    var random = SeededGenerator(seed: seed)
    let manager = try ServiceManager()
    // Thousands of uploads wait in the end: who scores them is not the question.
    let daemon = try RunningDaemon(settle: 20, scorer: .standIn, launcher: manager.launcher)
    let oracle = Oracle(daemon)
    let rounds = Effort.count("STAYPOS_ROUNDS", or: 6)
    for round in 0..<rounds {
      if round % 2 == 0 { try await start(daemon, manager) } else { try daemon.launch() }
      for index in 0..<4 {
        let name = "\(random.next() % 5)/\(round % 3)/\(round)-\(index).jpg"
        if random.next() % 3 == 0 {
          try oracle.deliver(Data("score \(name)".utf8), as: name, verdict: "flagged")
        } else {
          try oracle.deliver(Data("clear \(name)".utf8), as: name, verdict: "clear")
        }
        usleep(UInt32(random.next() % 40_000))
      }
      try daemon.signal(SIGKILL)
      _ = try daemon.wait()
      for index in 4..<7 {
        let name = "\(random.next() % 5)/\(round)/\(round)-\(index).jpg"
        try oracle.deliver(Data("clear \(name)".utf8), as: name, verdict: "clear")
      }
    }
    try await start(daemon, manager)
    let problems = try await oracle.judge("seed \(seed): ", journal: .atMostOne, within: 300)
    Effort.report(
      "kills survived with the descriptor store: \(problems.isEmpty ? rounds : 0) of \(rounds) (seed \(seed)), with "
        + "\(oracle.deliveries.count) uploads")
  }
}
