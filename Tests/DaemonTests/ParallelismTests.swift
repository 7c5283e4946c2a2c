import Cataloguing
import Foundation
import Glibc
import Scoring
import StayposCore
import SystemPackage
import Testing

@testable import Daemon

/// One image on all processors, or one processor for each image. The scorers are of Tests/Support/scorer-probe: an "image"
/// that says `request` gets the number of threads as its detail, and one that says `hang` keeps its worker at work.
@Suite struct ParallelismTests {
  private let harness: JudgeHarness

  init() throws {
    harness = try JudgeHarness()
    let own = try FilePath("/proc/self/exe").readingSymbolicLink()
    harness.setup.configuration.executable = own.removingLastComponent().appending("scorer-probe")
    harness.setup.configuration.threads = 3
    harness.setup.configuration.timeout = .seconds(2)
  }

  private func pipeline(workers: Int, isPaused: Bool = false) throws -> Pipeline {
    try Pipeline(context: harness.context, setup: harness.setup, workers: workers, isPaused: isPaused)
  }

  private func drop(_ name: String, _ order: String) throws {
    // Every file has bytes of its own: nothing is known of them.
    try harness.enqueue(name, "\(order) \(name)")
  }

  /// By name; waits for so many verdicts.
  private func details(_ count: Int) throws -> [String: String] {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      let entries = try harness.context.catalogue.history(limit: 99).entries
      if entries.count >= count {
        return Dictionary(
          entries.map { ($0.path.lastComponent?.string ?? "", $0.detail ?? "") }, uniquingKeysWith: { $1 })
      }
      usleep(2000)
    }
    Issue.record("no \(count) verdicts")
    return [:]
  }

  @Test("an image that is alone gets all threads, one after the other")
  func alone() throws {
    let pipeline = try pipeline(workers: 2)
    pipeline.start()
    defer { pipeline.stop() }
    for name in ["a", "b", "c"] {
      let before = try harness.context.catalogue.history(limit: 99).entries.count
      try drop(name, "request")
      pipeline.wake()
      #expect(try details(before + 1)[name] == "3 threads")
      // Its worker may still be busy with what comes after a verdict.
      while pipeline.workers.contains(where: { $0.lastStep != nil }) { usleep(1000) }
    }
  }

  @Test("beside another image in work it gets one")
  func beside() throws {
    let pipeline = try pipeline(workers: 2)
    pipeline.start()
    defer { pipeline.stop() }
    try drop("slow", "hang")
    pipeline.wake()
    while harness.context.catalogue.totals.queue.leased == 0 { usleep(1000) }
    try drop("a", "request")
    pipeline.wake()
    #expect(try details(1)["a"] == "1 threads")
  }

  @Test("before others in the queue it gets one, and the last one all")
  func beforeOthers() throws {
    let pipeline = try pipeline(workers: 1, isPaused: true)
    pipeline.start()
    defer { pipeline.stop() }
    for name in ["a", "b", "c"] { try drop(name, "request") }
    pipeline.setPaused(false)
    #expect(try details(3) == ["a": "1 threads", "b": "1 threads", "c": "3 threads"])
  }

  @Test("one that waits for a later time is none")
  func beforeLaterOnes() throws {
    let item = try harness.upload("later", "request later")
    try harness.context.catalogue.release(
      item.id, notBefore: Timestamp.now.advanced(by: .seconds(3600)), countAttempt: false)
    let pipeline = try pipeline(workers: 1)
    pipeline.start()
    defer { pipeline.stop() }
    try drop("a", "request")
    pipeline.wake()
    #expect(try details(1) == ["a": "3 threads"])
  }
}
