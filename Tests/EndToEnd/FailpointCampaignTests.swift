#if DEBUG
  import Foundation
  import Glibc
  import StayposCore
  import SystemPackage
  import Testing

  /// The built daemon at each of its failpoints: once it ends there by SIGKILL, and where a step can fail, once the step
  /// does. Then the oracle is asked.
  @Suite(
    .timeLimit(.minutes(15)),
    .enabled(if: BuiltExecutables.haveFailpoints, "needs daemons of a debug build: others have no failpoints"))
  struct FailpointCampaignTests {
    // MARK: Which points, by what brings the daemon there

    private static let admissions = ["admission.settled", "admission.queueing", "admission.queued"]
    private static let scoring = [
      "queue.leasing", "queue.leased", "scoring.opened", "scoring.hashed", "scorer.asking", "scorer.asked",
      "scorer.answered", "verdict.decided", "verdict.recording", "verdict.recorded", "verdict.told",
    ]
    /// The first at its third turn: two scorers are started with the daemon.
    private static let scorerDeaths = ["scorer.starting:kill:3", "scorer.started:kill:3", "queue.releasing:kill"]
    private static let moves = ["take.recordWritten", "take.moved", "take.synced"]
    private static let copies = [
      "take.copyRecorded", "take.copied", "take.published", "take.setAside", "take.sourceRemoved",
    ]
    private static let restores = [
      "restore.recorded", "restore.prepared", "restore.judging", "restore.moved", "restore.told",
    ]
    private static let copiedRestores = [
      "restore.copied", "restore.copyRecorded", "restore.published", "restore.objectRemoved",
    ]
    private static let deletions = ["delete.recorded", "delete.objectRemoved", "departure.indexing", "delete.told"]
    private static let retention = ["retention.due", "delete.objectRemoved", "retention.deleted"]

    /// Ways back from errors.
    private static let failedMoves = [
      "take.moved:5,take.givenBack:kill", "take.synced:5,take.withdrawn:kill",
      "take.recordWritten:28,take.withdrawn:kill",
    ]
    private static let failedCopies = [
      "take.copied:28,take.copyWithdrawn:kill", "take.published:30,take.copyWithdrawn:kill",
      "take.setAside:5,take.putBack:kill", "take.copyRecorded:122,take.withdrawn:kill",
    ]
    private static let failedRestores = ["restore.prepared:5,restore.undone:kill"]

    /// Deaths after which a recovery has something to do, and where it dies in its turn.
    private static let recoveries = [
      ["take.recordWritten:kill", "recovery.swept:kill"], ["take.moved:kill", "recovery.taken:kill"],
      ["take.moved:kill", "recovery.quarantineDone:kill"], ["take.moved:kill", "verdict.recording:kill"],
      ["take.moved:kill", "recovery.completed:kill"], ["take.moved:kill", "recovery.indexing:kill"],
      ["take.recorded:kill", "recovery.indexed:kill"],
    ]
    private static let copyRecoveries = [
      ["take.published:kill", "recovery.copyWithdrawn:kill"], ["take.setAside:kill", "recovery.sourceRemoved:kill"],
      ["take.setAside:kill", "recovery.taken:kill"],
    ]
    private static let restoreRecoveries = [
      ["restore.recorded:kill", "recovery.undone:kill"], ["restore.moved:kill", "recovery.told:kill"],
      ["restore.moved:kill", "departure.indexing:kill"],
    ]
    private static let copiedRestoreRecoveries = [
      ["restore.published:kill", "recovery.objectRemoved:kill"], ["restore.copyRecorded:kill", "recovery.undone:kill"],
    ]
    private static let deleteRecoveries = [
      ["delete.recorded:kill", "recovery.objectRemoved:kill", "recovery.told:kill"]
    ]

    @Test("Every failpoint has a daemon that ends there, and every step one that meets an error there")
    func everyPoint() {
      let plain =
        Self.admissions + Self.scoring + Self.moves + Self.copies + Self.restores + Self.copiedRestores
        + Self.deletions + Self.retention
        + [
          "admission.submitted", "admission.renaming", "verdict.keeping", "take.recorded", "restore.forgotten",
          "delete.forgotten", "retention.pruning", "recovery.givenBack", "recovery.putBack",
        ]
      let chains =
        Self.recoveries + Self.copyRecoveries + Self.restoreRecoveries + Self.copiedRestoreRecoveries
        + Self.deleteRecoveries
      let orders = (Self.scorerDeaths + Self.failedMoves + Self.failedCopies + Self.failedRestores + chains.joined())
        .flatMap { FailpointPlan.orders($0) ?? [] }
      let deadly = Set(plain + orders.filter { $0.errno == nil }.map(\.name))
      #expect(Failpoint.names.subtracting(deadly) == [])
      let failing = Set(plain).union([
        "scorer.starting", "queue.releasing", "recovery.told", "recovery.indexing",
      ])
      #expect(Failpoint.steps.subtracting(failing) == [])
    }

    // MARK: SIGKILL

    @Test("Pitfall 51: killed while files that arrive are queued", arguments: admissions)
    func admission(point: String) async throws {
      let bench = try CrashBench()
      try await bench.die(at: ["\(point):kill"]) { try bench.dropOfEachKind() }
      // And while they are found by a scan.
      try await bench.die(at: ["\(point):kill"], before: bench.dropOfEachKind)
      try await bench.finish()
    }

    @Test("Pitfall 51: killed anywhere between queue and verdict")
    func scoring() async throws {
      let bench = try CrashBench()
      for point in Self.scoring {
        try await bench.die(at: ["\(point):kill"]) { try bench.dropOfEachKind() }
      }
      try await bench.finish()
    }

    @Test("Pitfall 51: killed while scorers die, and when a file is submitted or renamed")
    func otherWays() async throws {
      let bench = try CrashBench()
      for plan in Self.scorerDeaths {
        try await bench.die(at: [plan]) {
          try bench.drop(.deadly)
          try bench.drop(.clear)
        }
      }
      let clear = bench.oracle.deliveries.filter { $0.verdicts == ["clear"] }.map(\.path)
      try await bench.die(at: ["verdict.keeping:kill"]) { try bench.rename(clear[0]) }
      try await bench.die(at: ["admission.submitted:kill"]) {
        // A second verdict, for somebody asked.
        bench.oracle.change(clear[1]) { $0.verdicts.append("clear") }
        _ = try await bench.daemon.ctl("submit", clear[1].string)
      }
      let directory = bench.daemon.uploads.appending("inner")
      try await bench.die(at: ["queue.leased:kill"]) { try bench.drop(.clear, in: "inner/") }
      try await bench.die(at: ["admission.renaming:kill"]) { try Self.rename(directory, bench) }
      try await bench.finish()
    }

    @Test("Pitfall 51: killed anywhere on the way into the quarantine, by a rename or by a copy", arguments: places)
    fileprivate func take(_ place: Place) async throws {
      try await place.with { bench in
        let plain = (place == .here ? Self.moves : Self.copies) + ["take.recorded"]
        let failed = place == .here ? Self.failedMoves : Self.failedCopies
        for plan in plain.map({ "\($0):kill" }) + failed {
          try await bench.die(at: [plan]) { try bench.dropOfEachKind() }
        }
      }
    }

    @Test("Pitfall 51: killed anywhere on the way out of the quarantine, by a rename or by a copy", arguments: places)
    fileprivate func restore(_ place: Place) async throws {
      try await place.with { bench in
        let plain = (place == .here ? Self.restores : Self.copiedRestores) + ["restore.forgotten"]
        for plan in plain.map({ "\($0):kill" }) + Self.failedRestores {
          try await bench.die(at: [plan]) {
            let (path, id) = try await bench.quarantined()
            try bench.drop(.flagged)
            try await bench.restore(path, id)
          }
        }
      }
    }

    @Test("Pitfall 51: killed anywhere in a deletion")
    func delete() async throws {
      let bench = try CrashBench()
      for point in Self.deletions + ["delete.forgotten"] {
        try await bench.die(at: ["\(point):kill"]) {
          let (path, id) = try await bench.quarantined()
          try bench.drop(.flagged)
          try await bench.delete(path, id)
        }
      }
      try await bench.finish()
    }

    @Test("Pitfall 51: killed in recoveries", arguments: places)
    fileprivate func recovery(_ place: Place) async throws {
      try await place.with { bench in
        for plans in place == .here ? Self.recoveries : Self.copyRecoveries {
          try await bench.die(at: plans) { try bench.dropOfEachKind() }
        }
        for plans in place == .here ? Self.restoreRecoveries : Self.copiedRestoreRecoveries {
          try await bench.die(at: plans) {
            let (path, id) = try await bench.quarantined()
            try await bench.restore(path, id)
          }
        }
        for plans in place == .here ? Self.deleteRecoveries : [] {
          try await bench.die(at: plans) {
            let (path, id) = try await bench.quarantined()
            try await bench.delete(path, id)
          }
        }
      }
    }

    @Test("Pitfall 51: killed when a file that was taken by mistake has just been given back")
    func givenBack() async throws {
      let bench = try CrashBench()
      try await bench.die(at: ["take.moved:kill", "recovery.givenBack:kill"]) {
        try bench.drop(.clear)
        let path = try bench.drop(.flagged)
        _ = try await bench.daemon.eventually("the end") { try bench.daemon.hasEnded(within: 0) ? true : nil }
        // As if another had been put under its name just before the move.
        let object = try #require(try bench.objects().first)
        try FileManager.default.removeItem(atPath: object.string)
        let bytes = Data("clear instead".utf8)
        try bench.daemon.drop(bytes, at: object)
        bench.oracle.change(path) { delivery in
          delivery.bytes = bytes
          delivery.attributes = nil
          delivery.verdicts = ["clear"]
          delivery.fate = .inPlace
        }
      }
      try await bench.finish()
    }

    @Test(
      "Pitfall 51: killed when a file that was written to after it was copied has just been put back",
      .enabled(if: KillCampaignTests.isSharedMemoryElsewhere, "needs /dev/shm on another file system than /tmp"))
    func putBack() async throws {
      try await Place.elsewhere.with { bench in
        try await bench.die(at: ["take.setAside:kill", "recovery.putBack:kill"]) {
          let path = try bench.drop(.flagged)
          _ = try await bench.daemon.eventually("the end") { try bench.daemon.hasEnded(within: 0) ? true : nil }
          // As if its writer had gone on.
          let uploads = bench.daemon.uploads
          let aside = try #require(
            try FileManager.default.contentsOfDirectory(atPath: uploads.string).first { $0.hasPrefix(".staypos-") })
          let bytes = Data("clear in the end".utf8)
          let file = try FileDescriptor.open(uploads.appending(aside), .writeOnly, options: .truncate)
          _ = try file.closeAfter { try file.writeAll(bytes) }
          bench.oracle.change(path) { delivery in
            delivery.bytes = bytes
            delivery.attributes = nil
            delivery.verdicts = ["clear"]
            delivery.fate = .inPlace
          }
        }
      }
    }

    @Test("Pitfalls 51 and 56: killed when the time of files and verdicts is over")
    func expiry() async throws {
      let bench = try CrashBench()
      for point in Self.retention {
        try await bench.die(at: ["take.recorded:kill"]) { try bench.dropOfEachKind() }
        try await bench.expire()
        try await bench.die(at: ["\(point):kill"])
      }
      try await bench.expireVerdicts()
      try await bench.die(at: ["retention.pruning:kill"])
      try await bench.finish()
    }

    // MARK: Errors

    @Test(
      "Pitfall 45: errors while files are queued and scored",
      arguments: [
        "admission.queueing:28", "queue.leasing:5", "queue.releasing:28", "scorer.starting:11:3", "scorer.asking:12",
        "verdict.recording:28", "verdict.recording:5",
      ])
    func failingScoring(plan: String) async throws {
      let bench = try CrashBench()
      try await bench.endure(plan) {
        try bench.dropOfEachKind()
        if plan.hasPrefix("queue.releasing") || plan.hasPrefix("scorer.starting") { try bench.drop(.deadly) }
      }
      try await bench.finish()
    }

    @Test("Pitfall 45: errors while renames are followed", arguments: ["verdict.keeping:5", "admission.renaming:28"])
    func failingRenames(plan: String) async throws {
      let bench = try CrashBench()
      try await bench.die(at: ["verdict.told:kill:2"]) {
        try bench.drop(.clear)
        try bench.drop(.clear, in: "inner/")
      }
      try await bench.endure(plan) {
        if plan.hasPrefix("verdict") {
          try bench.rename(bench.oracle.deliveries[0].path)
        } else {
          try Self.rename(bench.daemon.uploads.appending("inner"), bench)
        }
      }
      try await bench.finish()
    }

    @Test("Pitfall 45: errors on the way into the quarantine, by a rename or by a copy", arguments: places)
    fileprivate func failingTake(_ place: Place) async throws {
      try await place.with { bench in
        for (index, point) in (place == .here ? Self.moves : Self.copies.filter(Failpoint.steps.contains)).enumerated()
        {
          try await bench.endure("\(point):\([28, 122, 5, 30][index % 4])") { try bench.dropOfEachKind() }
        }
      }
    }

    @Test("Pitfall 45: errors on the way out of the quarantine, by a rename or by a copy", arguments: places)
    fileprivate func failingRestore(_ place: Place) async throws {
      try await place.with { bench in
        let points = place == .here ? Self.restores + ["departure.indexing"] : Self.copiedRestores
        for (index, point) in points.enumerated() {
          try await bench.endure("\(point):\([28, 122, 5, 30][index % 4])") {
            let (path, id) = try await bench.quarantined()
            try await bench.restore(path, id)
          }
        }
      }
    }

    @Test("Pitfall 45: errors in deletions and at the start")
    func failingDeletion() async throws {
      let bench = try CrashBench()
      for (index, point) in Self.deletions.enumerated() {
        try await bench.endure("\(point):\([28, 122, 5, 30][index % 4])") {
          let (path, id) = try await bench.quarantined()
          try await bench.delete(path, id)
        }
      }
      try await bench.endure("recovery.indexing:28")
      try await bench.endure("scorer.starting:11")
      let recoveries = [
        ("delete.recorded", "recovery.told:5"), ("delete.recorded", "departure.indexing:28"),
        ("take.moved", "verdict.recording:28"),
      ]
      for (point, plan) in recoveries {
        try await bench.die(at: point, thenFailing: plan) {
          let (path, id) = try await bench.quarantined()
          try await bench.delete(path, id)
        }
      }
      try await bench.expireVerdicts()
      try await bench.endure("retention.pruning:28")
      try await bench.finish()
    }

    // MARK: Places

    /// Where the quarantine is, seen from the uploads.
    fileprivate enum Place: String, CustomTestStringConvertible {
      case here, elsewhere
      var testDescription: String { self == .here ? "on the same file system" : "on another file system" }

      func with(_ body: (CrashBench) async throws -> Void) async throws {
        let other = FilePath("/dev/shm/staypos-quarantine-\(UUID())")
        defer { try? FileManager.default.removeItem(atPath: other.string) }
        let bench = try CrashBench(quarantine: self == .here ? nil : other)
        try await body(bench)
        try await bench.finish()
      }
    }

    fileprivate static let places: [Place] = KillCampaignTests.isSharedMemoryElsewhere ? [.here, .elsewhere] : [.here]

    private static func rename(_ directory: FilePath, _ bench: CrashBench) throws {
      let new = directory.removingLastComponent().appending("moved")
      try move(directory, new)
      for delivery in bench.oracle.deliveries where delivery.path.starts(with: directory) {
        bench.oracle.change(delivery.path) { $0.place = new.appending(delivery.path.lastComponent!) }
      }
    }
  }
#endif
