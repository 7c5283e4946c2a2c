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

  private struct Interlude: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var point: String
    var crossDevice = false
    /// What is in the uploads in the end.
    var uploads: [String: [UInt8]]
    /// Gets the path of the upload.
    var act: @Sendable (Bench, FilePath) throws -> Void
  }

  private let interludes = [
    Interlude(
      testDescription: "written to after it was copied", point: "take.published", crossDevice: true,
      uploads: ["a.png": bytes + [1]]
    ) { try append($1) },
    Interlude(
      testDescription: "written to after it was set aside", point: "take.setAside", crossDevice: true,
      uploads: ["a.png": bytes + [1]]
    ) { bench, _ in try append(bench.aside()) },
    Interlude(
      testDescription: "written to without a trace in size and time", point: "take.setAside", crossDevice: true,
      uploads: ["a.png": bytes.reversed()]
    ) { bench, _ in try overwriteSecretly(bench.aside(), bytes.reversed()) },
    Interlude(
      testDescription: "another in place of the one that was set aside", point: "take.setAside", crossDevice: true,
      uploads: ["a.png": [9]]
    ) { bench, _ in rename(try put(bench.uploads.appending("b.png"), [9]).string, try bench.aside().string) },
    Interlude(
      testDescription: "written to after it was set aside, and its name is taken", point: "take.setAside",
      crossDevice: true, uploads: ["a.png": [9], "restored-ID": bytes + [1]]
    ) { bench, path in
      try append(bench.aside())
      try put(path, [9])
    },
    Interlude(
      testDescription: "its old name linked again on the way back", point: "take.setAside", crossDevice: true,
      uploads: ["a.png": bytes]
    ) { bench, path in link(try bench.aside().string, path.string) },
    Interlude(
      testDescription: "written to after it was moved and locked", point: "take.moved", uploads: ["a.png": bytes + [1]]
    ) { bench, _ in
      try append(bench.object())
      chmod(try bench.object().string, 0o400)
    },
    Interlude(
      testDescription: "written to without a trace after it was moved", point: "take.moved",
      uploads: ["a.png": bytes.reversed()]
    ) { bench, _ in try overwriteSecretly(bench.object(), bytes.reversed()) },
    Interlude(
      testDescription: "on its way back by link and unlink", point: "take.moved", uploads: ["a.png": bytes]
    ) { bench, path in link(try bench.object().string, path.string) },
    Interlude(
      testDescription: "on its way out by link and unlink", point: "restore.prepared", uploads: ["a.png": bytes]
    ) { bench, path in link(try bench.object().string, path.string) },
  ]

  extension Bench {
    /// What was set aside.
    fileprivate func aside() throws -> FilePath {
      uploads.appending(try #require(try uploadNames().first { $0.hasPrefix(".staypos-") }))
    }
    fileprivate func object() throws -> FilePath {
      quarantinePath.appending(try #require(try names().first { QuarantineID($0) != nil }))
    }
  }

  /// Of the same length, and the time of modification stays.
  private func overwriteSecretly(_ path: FilePath, _ content: [UInt8]) throws {
    let modified = try status(path).identity.modified
    let file = try FileDescriptor.open(path, .writeOnly)
    _ = try file.closeAfter { try file.writeAll(content) }
    try RegularFile(opening: path).descriptor.setModified(modified)
  }

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
      await die(at: test.point, bench)
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

    @Test(
      "Pitfall 51: what others do to a file between the death and the next start is not lost",
      arguments: interludes.filter { !$0.crossDevice || hasTwoFilesystems })
    fileprivate func changedMeanwhile(_ interlude: Interlude) async throws {
      let bench = try Bench(crossDevice: interlude.crossDevice)
      defer { bench.remove() }
      let path = try put(bench.uploads.appending("a.png"))
      await die(at: interlude.point, bench)
      try interlude.act(bench, path)
      let quarantine = try bench.quarantine()
      #expect(try quarantine.recover().problems.isEmpty)
      var found: [String: [UInt8]] = [:]
      for name in try bench.uploadNames() {
        found[name.hasPrefix("restored-") ? "restored-ID" : name] = content(bench.uploads.appending(name))
      }
      #expect(found == interlude.uploads)
      #expect(try status(path).mode == 0o640)
      #expect(try bench.names() == [])
      #expect(quarantine.totals == Quarantine.Totals(count: 0, bytes: 0))
      #expect(try quarantine.recover().changedNothing)
    }

    private func die(at point: String, _ bench: Bench) async {
      let (uploads, base): (String, String) = (bench.uploads.string, bench.base.string)
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
