import Foundation
import Glibc
import SystemPackage
import Testing

/// What was there before, and what comes while nobody looks.
@Suite(.timeLimit(.minutes(15)))
struct BacklogPitfallTests {
  @Test("Pitfall 29: the backlog is scored, behind what is uploaded meanwhile")
  func priorities() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    let oracle = Oracle(daemon)
    try daemon.start()
    // It stays paused over the restart.
    _ = try daemon.call("Pause")
    #expect(try daemon.stop() == 0)
    for index in 0..<30 { try oracle.deliver(sample: "real/rocket.jpg", as: "old/\(index).jpg") }
    try daemon.start()
    _ = try await daemon.queued(30)
    for index in 0..<3 { try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "live-\(index).jpg") }
    _ = try await daemon.queued(33)
    _ = try daemon.call("Resume")
    let history = try await daemon.verdicts(33)
    let first = history.prefix(3).compactMap { ($0["path"] as? String).map { FilePath($0).lastComponent?.string } }
    #expect(Set(first) == ["live-0.jpg", "live-1.jpg", "live-2.jpg"])
    try await oracle.judge()
  }

  @Test("Pitfall 30: uploads during a stop, a restart and a crash are all scored, once", arguments: [SIGTERM, SIGKILL])
  func restarts(signal: CInt) async throws {
    let daemon = try RunningDaemon(settle: 20)
    let oracle = Oracle(daemon)
    try daemon.start()
    var number = 0
    func drop(_ count: Int) throws {
      for _ in 0..<count {
        number += 1
        try oracle.deliver(
          sample: number % 3 == 0 ? "generated/broccoli-1.jpg" : "real/rocket.jpg", as: "\(number % 4)/\(number).jpg")
      }
    }
    // One that is judged, then changed where it lies while nobody looks, with the time set back.
    let changed = try oracle.deliver(sample: "real/rocket.jpg", as: "changed.jpg")
    _ = try await daemon.verdict(on: changed)
    for round in 0..<4 {
      try drop(6)
      try daemon.signal(signal)
      try drop(3)
      _ = try daemon.wait()
      try drop(3)
      if round == 1 {
        let before = try FileAttributes(of: changed)
        let bytes = try SampleVariants.variant(of: "generated/broccoli-2.jpg", "changed")
        try daemon.drop(bytes, at: changed)
        var times = [timespec](
          repeating: timespec(tv_sec: before.modified / 1_000_000_000, tv_nsec: before.modified % 1_000_000_000),
          count: 2)
        #expect(utimensat(AT_FDCWD, changed.string, &times, 0) == 0)
        oracle.change(changed) { $0.fate = .gone }
        oracle.expect(bytes, at: changed, verdict: "flagged")
      }
      // Also while it starts.
      let ready = try daemon.launch()
      try drop(6)
      while ready.receive(within: 60)?.contains("READY=1") == false {}
    }
    try await oracle.judge(journal: signal == SIGKILL ? .atMostOne : .one)
  }
}
