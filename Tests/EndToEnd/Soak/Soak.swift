import Foundation
import Glibc
import Synchronization
import SystemPackage
import TestSupport

/// Everything at once for some time: writers, commands, killed scorers, and somebody who measures. Each on a thread of its
/// own.
struct Soak {
  var seed: UInt64
  var duration: Duration
  var writers: Int

  /// What all have done together.
  struct Work: Sendable {
    var operations: [String: Int] = [:]
    /// Calls that found nothing.
    var misses = 0
    var commands: [String: Int] = [:]
    var refusals = 0
    var kills = 0
    var places: [FilePath: SoakContent] = [:]
    var sampler: SoakSampler?

    mutating func add(_ other: Work) {
      operations.merge(other.operations, uniquingKeysWith: +)
      misses += other.misses
      commands.merge(other.commands, uniquingKeysWith: +)
      refusals += other.refusals
      kills += other.kills
      places.merge(other.places) { $1 }
      sampler = other.sampler ?? sampler
    }
  }

  /// What all look at.
  private final class Course: Sendable {
    let end: ContinuousClock.Instant
    private let state = Mutex((queued: 0, hasFailed: false))

    init(end: ContinuousClock.Instant) {
      self.end = end
    }

    var isOver: Bool { state.withLock { $0.hasFailed } || .now >= end }
    /// Whether so much waits that the writers do too.
    var isFull: Bool { state.withLock { $0.queued > 300 } }
    func setQueued(_ count: Int) { state.withLock { $0.queued = count } }
    func fail() { state.withLock { $0.hasFailed = true } }
  }

  /// - Parameters:
  ///   - daemon: runs.
  ///   - outside: on the file system of the uploads.
  func run(_ daemon: RunningDaemon, outside: FilePath, ledger: SoakLedger) async throws -> Work {
    let course = Course(end: .now + duration)
    var parts: [@Sendable () throws -> Work] = (0..<writers).map { number in
      { try write("w\(number)", daemon, outside, ledger, seed &+ UInt64(number), course) }
    }
    parts.append { try command(daemon, ledger, seed &+ 1000, course) }
    parts.append { try killScorers(daemon, seed &+ 2000, course) }
    parts.append { try measure(daemon, course) }
    return try await withThrowingTaskGroup(of: Work.self) { group in
      for part in parts {
        group.addTask {
          try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
              let result = Result { try part() }
              if case .failure = result { course.fail() }
              continuation.resume(with: result)
            }
          }
        }
      }
      return try await group.reduce(into: Work()) { $0.add($1) }
    }
  }

  private func write(
    _ name: String, _ daemon: RunningDaemon, _ outside: FilePath, _ ledger: SoakLedger, _ seed: UInt64, _ course: Course
  ) throws -> Work {
    let writer = try SoakWriter(name, uploads: daemon.uploads, outside: outside, ledger: ledger, seed: seed)
    var random = SeededGenerator(seed: ~seed)
    while !course.isOver {
      if !course.isFull { try writer.turn() }
      usleep(UInt32.random(in: 0..<120_000, using: &random))
    }
    try writer.finish()
    return Work(operations: writer.operations, misses: writer.misses, places: writer.places)
  }

  private func command(
    _ daemon: RunningDaemon, _ ledger: SoakLedger, _ seed: UInt64, _ course: Course
  ) throws -> Work {
    let commander = try SoakCommander(daemon, ledger: ledger, seed: seed)
    var random = SeededGenerator(seed: ~seed)
    while !course.isOver {
      try commander.turn()
      usleep(UInt32.random(in: 0..<200_000, using: &random))
    }
    try commander.finish()
    let report = commander.report
    return Work(commands: report.commands, refusals: report.refusals, places: report.places)
  }

  /// With time in between for a file that was hit to be scored: three deaths over one file are a verdict.
  private func killScorers(_ daemon: RunningDaemon, _ seed: UInt64, _ course: Course) throws -> Work {
    var random = SeededGenerator(seed: seed)
    var work = Work()
    while !course.isOver {
      usleep(UInt32.random(in: 1_500_000..<6_000_000, using: &random))
      let signal = Bool.random(using: &random) ? SIGKILL : SIGSEGV
      if let victim = daemon.children().sorted().randomElement(using: &random), kill(victim, signal) == 0 {
        work.kills += 1
      }
    }
    return work
  }

  private func measure(_ daemon: RunningDaemon, _ course: Course) throws -> Work {
    var sampler = SoakSampler(daemon)
    while !course.isOver {
      course.setQueued(try sampler.sample())
      usleep(500_000)
    }
    return Work(sampler: sampler)
  }
}
