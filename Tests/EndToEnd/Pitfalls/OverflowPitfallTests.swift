import Foundation
import Glibc
import StayposCore
import SystemPackage
import Testing

/// More events than the kernel keeps, and fewer watches than there are directories.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct OverflowPitfallTests {
  /// Stops the daemon, and returns when all its threads stand still.
  private func halt(_ daemon: RunningDaemon) async throws {
    try daemon.signal(SIGSTOP)
    let tasks = FilePath("/proc/\(daemon.processIdentifier)/task")
    try await daemon.eventually("a standstill") {
      let threads = try FileManager.default.contentsOfDirectory(atPath: tasks.string)
      return threads.allSatisfy { daemon.text(tasks.appending("\($0)/stat")).contains(") T ") } ? () : nil
    }
  }

  /// Fills the kernel's queue of a daemon that does not read: two names in turn, for equal events are merged.
  private func flood(_ daemon: RunningDaemon) throws {
    let text = daemon.text("/proc/sys/fs/inotify/max_queued_events").filter(\.isNumber)
    let limit = try #require(Int(text))
    let pair = ["flood-a", "flood-b"].map { daemon.uploads.appending($0).string }
    for number in 0..<limit + 10 { close(open(pair[number % 2], O_WRONLY)) }
  }

  private func prepare(_ oracle: Oracle) throws {
    for name in ["flood-a", "flood-b"] {
      try oracle.deliver(Data(name.utf8), as: name, verdict: "not-scored: unsupported-format")
    }
  }

  /// STAYPOS_OVERFLOW_FILES=20000 is the size of the issue: then the files alone overflow the queue.
  @Test("Pitfall 16: after an overflow every file is scored exactly once, and the blind window is told and counted")
  func overflow() async throws {
    let count = Effort.count("STAYPOS_OVERFLOW_FILES", or: 300)
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    try prepare(oracle)
    _ = try await daemon.verdicts(2)
    _ = try daemon.call("Pause")
    try await halt(daemon)
    if count < 10_000 { try flood(daemon) }
    for index in 0..<count {
      // Few different contents: the oracle is to judge the daemon, not the scorer.
      let bytes = Data("text \(index % 100)".utf8)
      let path = daemon.uploads.appending("\(index)")
      try daemon.drop(bytes, at: path)
      oracle.expect(bytes, at: path, verdict: "not-scored: unsupported-format")
    }
    // A directory that nobody was told of.
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "new/inner/a.jpg")
    let start = ContinuousClock.now
    try daemon.signal(SIGCONT)
    try await daemon.eventually("\(count + 1) files in the queue", within: 120, every: .milliseconds(5)) {
      try daemon.status()["queueDepth"] as? Int == count + 1 ? () : nil
    }
    Effort.report("overflow of \(count) files: all queued again after \(ContinuousClock.now - start)")
    #expect(try daemon.status()["overflows"] as? Int == 1)
    _ = try daemon.call("Resume")
    try await oracle.judge(within: 300)
    let lines = daemon.text(daemon.log).split(separator: "\n")
    #expect(lines.count { $0.contains("the kernel dropped events of the last") } == 1)
    #expect(lines.count { $0.contains("scan (overflow) finished") } == 1)
  }

  @Test("Pitfall 17: overflows that go on cost ever fewer scans, and lose nothing")
  func overflowsAgain() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    try prepare(oracle)
    _ = try await daemon.verdicts(2)
    let rounds = 5
    for round in 0..<rounds {
      try await halt(daemon)
      try flood(daemon)
      for index in 0..<20 {
        let bytes = Data("text \(round) \(index)".utf8)
        let path = daemon.uploads.appending("\(round)-\(index)")
        try daemon.drop(bytes, at: path)
        oracle.expect(bytes, at: path, verdict: "not-scored: unsupported-format")
      }
      try daemon.signal(SIGCONT)
      try await daemon.eventually("overflow \(round + 1)") {
        try daemon.status()["overflows"] as? Int == round + 1 ? () : nil
      }
    }
    try await oracle.judge()
    // At once, then 1, 2, 4 seconds after each other, unless as much time went by without any.
    let scans = daemon.text(daemon.log).split(separator: "\n").filter { $0.contains("scan (overflow) finished") }
    let times = scans.compactMap { Timestamp(rfc3339: String($0.prefix { $0 != " " }))?.seconds }
    #expect(times.count == scans.count && !times.isEmpty)
    for (one, next) in zip(times, times.dropFirst()) { #expect(next - one > 0.7) }
  }

  /// STAYPOS_DIRECTORIES=100000 is the size of the issue.
  @Test("Many directories are watched soon, in bounded memory")
  func manyDirectories() async throws {
    let count = Effort.count("STAYPOS_DIRECTORIES", or: 2000)
    let daemon = try RunningDaemon(detector: "workers = 1")
    for index in 0..<count / 100 {
      let directory = daemon.uploads.appending("\(index)")
      #expect(mkdir(directory.string, 0o755) == 0)
      for inner in 0..<99 { #expect(mkdir(directory.appending("\(inner)").string, 0o755) == 0) }
    }
    let expected = count / 100 * 100 + 1
    try daemon.start()
    let start = ContinuousClock.now
    try await daemon.eventually("\(expected) watches", within: 120, every: .milliseconds(5)) {
      try daemon.status()["watches"] as? Int == expected ? () : nil
    }
    let memory = try daemon.anonymousMemory()
    Effort.report("\(expected) directories: watched \(ContinuousClock.now - start) after READY=1, \(memory >> 20) MiB")
    #expect(memory < 64 << 20 + expected * 2048, "\(memory) bytes")
    let oracle = Oracle(daemon)
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "\(count / 100 - 1)/98/a.jpg")
    try await oracle.judge()
  }

  /// STAYPOS_EVENT_FILES=50000 makes it long enough to mean something.
  @Test("Events come in as fast as files can be made, without an overflow")
  func eventRate() async throws {
    let count = Effort.count("STAYPOS_EVENT_FILES", or: 2000)
    let daemon = try RunningDaemon(settle: 10, detector: "workers = 1")
    try daemon.start()
    _ = try daemon.call("Pause")
    let ticks = try daemon.activity().ticks
    let start = ContinuousClock.now
    for index in 0..<count { close(open(daemon.uploads.appending("\(index)").string, O_WRONLY | O_CREAT, 0o644)) }
    let written = ContinuousClock.now - start
    try await daemon.eventually("\(count) files in the queue", within: 300, every: .milliseconds(5)) {
      try daemon.status()["queueDepth"] as? Int == count ? () : nil
    }
    let queued = ContinuousClock.now - start
    let overflows = try #require(try daemon.status()["overflows"] as? Int)
    // The one who writes may be the slower of the two: what the daemon needs says how much more it could take.
    let seconds = Double(try daemon.activity().ticks - ticks) / Double(sysconf(CInt(_SC_CLK_TCK)))
    Effort.report(
      "\(count) files of 2 events each written in \(written), all queued after \(queued), "
        + "\(Int(Double(2 * count) / (queued / .seconds(1)))) events/s, \(overflows) overflows, "
        + "\(seconds) s of processor time (\(Int(Double(2 * count) / max(seconds, 0.01))) events a second of it)")
    #expect(try daemon.status()["queueDepth"] as? Int == count)
    #expect(try daemon.stop() == 0)
  }

  private static var canLimitWatches: Bool {
    access("/proc/sys/user/max_inotify_watches", F_OK) == 0 && SystemTool.exists("/usr/bin/unshare", "/usr/bin/nsenter")
      && (try? SystemTool.run("/usr/bin/unshare", ["--user", "--map-root-user", "true"])) != nil
  }

  @Test(
    "Pitfall 18: beyond the limit on watches the rest is scanned, status names the count, a higher limit mends it",
    .enabled(if: canLimitWatches, "needs unshare, nsenter (util-linux) and user namespaces"))
  func watchLimit() async throws {
    let limit = "/proc/sys/user/max_inotify_watches"
    // The parents of the uploads need watches too.
    let daemon = try RunningDaemon(launcher: [
      "/usr/bin/unshare", "--user", "--map-root-user", "sh", "-c", "echo 12 > \(limit) && exec \"$@\"", "sh",
    ])
    let oracle = Oracle(daemon)
    for index in 0..<30 {
      let path = daemon.uploads.appending("\(index)")
      try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
    }
    try daemon.start()
    let watches = try await daemon.eventually("a degradation that counts all directories") { () -> Int? in
      guard let watches = try daemon.status()["watches"] as? Int,
        try daemon.degradations()["watch-limit"]?.contains("\(31 - watches) of 31 directories") == true
      else { return nil }
      return watches
    }
    #expect((1...12).contains(watches))
    // Every 30 seconds, wherever they are.
    for index in 0..<30 {
      try oracle.deliver(Data("text \(index)".utf8), as: "\(index)/a", verdict: "not-scored: unsupported-format")
    }
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "29/new/a.jpg")
    _ = try await daemon.verdict(on: path, within: 90)
    try SystemTool.run(
      "/usr/bin/nsenter",
      [
        "--user", "--preserve-credentials", "--target", "\(daemon.processIdentifier)", "sh", "-c",
        "echo 1000 > \(limit)",
      ])
    // With the next scan.
    _ = try daemon.call("Rescan")
    try await daemon.awaitRecovery("watch-limit", within: 90)
    // What is told of the recovery comes a moment before the status that goes with it.
    _ = try await daemon.eventually("watches on all directories", within: 90) {
      try daemon.status()["watches"] as? Int == 32 ? () : nil
    }
    try await oracle.judge()
  }
}
