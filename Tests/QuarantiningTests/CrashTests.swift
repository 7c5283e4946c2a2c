#if DEBUG
  import Filesystem
  import Foundation
  import Glibc
  import Quarantining
  import StayposCore
  import SystemPackage
  import Testing

  private let takePoints = ["take.recordWritten", "take.moved", "take.synced"]
  private let takeCopyPoints = [
    "take.recordWritten", "take.copyRecorded", "take.copied", "take.published", "take.setAside", "take.sourceRemoved",
  ]
  private let restorePoints = ["restore.recorded", "restore.prepared", "restore.moved", "restore.told"]
  private let restoreCopyPoints = [
    "restore.recorded", "restore.prepared", "restore.copied", "restore.copyRecorded", "restore.published",
    "restore.objectRemoved", "restore.told",
  ]
  private let deletePoints = ["delete.recorded", "delete.objectRemoved", "delete.told"]

  private struct Case: Sendable, CustomTestStringConvertible {
    var point: String
    var crossDevice: Bool
    var testDescription: String { "\(point)\(crossDevice ? ", another file system" : "")" }
  }

  private let cases =
    (takePoints + restorePoints + deletePoints).map { Case(point: $0, crossDevice: false) }
    + (hasTwoFilesystems
      ? (takeCopyPoints + restoreCopyPoints + deletePoints).map { Case(point: $0, crossDevice: true) } : [])

  @Suite struct CrashTests {
    /// kill -9 between any two steps: the file is in its place or in the quarantine, never in neither, never in both.
    @Test(
      "Pitfall 51: after kill -9 between any two steps the file is in one place, and a second recovery changes nothing",
      arguments: cases)
    fileprivate func killedAnywhere(_ test: Case) async throws {
      let bench = try Bench(crossDevice: test.crossDevice)
      defer { bench.remove() }
      let path = try put(bench.uploads.appending("a.png"))
      let before = try status(path)
      let (uploads, base, point): (String, String, String) = (bench.uploads.string, bench.base.string, test.point)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [uploads = uploads as String, base = base as String, point = point as String] in
        let bench = Bench(uploads: FilePath(uploads), base: FilePath(base))
        let path = bench.uploads.appending("a.png")
        let quarantine = try bench.quarantine()
        try Failpoint.$handler.withValue({ if $0 == point { kill(getpid(), SIGKILL) } }) {
          let record = try quarantine.take(path)
          if point.hasPrefix("delete") {
            _ = try quarantine.delete(record.id)
          } else {
            _ = try quarantine.restore(record.id)
          }
        }
      }
      let quarantine = try bench.quarantine()
      let first = try quarantine.recover()
      #expect(!first.changedNothing)
      #expect(first.problems.isEmpty)
      try expectWhole(bench, quarantine, path, before, deleted: test.point.hasPrefix("delete"))
      let names = try bench.names()
      let again = try quarantine.recover()
      #expect(again.changedNothing && again.problems.isEmpty)
      #expect(try bench.names() == names)
    }

    /// The same with an error at each step of a take or a restore, in a daemon that goes on.
    @Test(
      "Pitfall 45: after an error between any two steps the file is in one place",
      arguments: cases.filter { Failpoint.steps.contains($0.point) && !$0.point.hasPrefix("delete") })
    fileprivate func failingAnywhere(_ test: Case) throws {
      let bench = try Bench(crossDevice: test.crossDevice)
      defer { bench.remove() }
      let path = try put(bench.uploads.appending("a.png"))
      let before = try status(path)
      let quarantine = try bench.quarantine()
      let result = Failpoint.$handler.withValue({ name in
        if name == test.point { throw QuarantineError(.noSpace, "injected") }
      }) {
        code { _ = try quarantine.restore(try quarantine.take(path).id) }
      }
      #expect(result == .noSpace)
      let late = ["restore.moved", "restore.published", "restore.objectRemoved", "restore.told"]
      if !late.contains(test.point) {
        try expectWhole(bench, quarantine, path, before, deleted: false)
      }
      #expect(try quarantine.recover().problems.isEmpty)
      try expectWhole(bench, quarantine, path, before, deleted: false)
    }

    private func expectWhole(
      _ bench: Bench, _ quarantine: Quarantine, _ path: FilePath, _ before: FileStatus, deleted: Bool
    ) throws {
      let inPlace = content(path) == bytes
      let names = try bench.names()
      let objects = names.filter { QuarantineID($0) != nil }
      #expect(try bench.uploadNames() == (inPlace ? ["a.png"] : []))
      if deleted {
        #expect(!inPlace && names.isEmpty)
        return
      }
      #expect(inPlace == objects.isEmpty, "in neither place or in both: \(names)")
      #expect(names == objects.flatMap { [$0, $0 + ".json"] }.sorted())
      #expect(quarantine.totals.count == objects.count)
      for object in objects {
        #expect(content(bench.quarantinePath.appending(object)) == bytes)
        #expect(try status(bench.quarantinePath.appending(object)).mode == 0o400)
        #expect(try quarantine.record(QuarantineID(object)!).state == .quarantined)
      }
      if inPlace { #expect(try status(path).mode == before.mode) }
    }
  }
#endif
