import Filesystem
import Foundation
import Glibc
import Quarantining
import StayposCore
import SystemPackage
import Testing

@Suite struct RestoreTests {
  @Test("Pitfall 53: a restore overwrites nothing", arguments: hasTwoFilesystems ? [false, true] : [false])
  func nothingIsOverwritten(crossDevice: Bool) throws {
    let bench = try Bench(crossDevice: crossDevice)
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let path = try put(bench.uploads.appending("a.png"))
    let record = try quarantine.take(path)
    let before = try bench.names()

    try put(path, [3])
    #expect(code { _ = try quarantine.restore(record.id) } == .exists)
    #expect(content(path) == [3])
    unlink(path.string)
    let victim = bench.uploads.appending("victim")
    symlink(victim.string, path.string)
    #expect(code { _ = try quarantine.restore(record.id) } == .symlink)
    #expect(content(victim) == nil)
    #expect(
      code { _ = try quarantine.restore(record.id, to: bench.uploads.appending("none").appending("a")) }
        == .parentMissing)
    let directory = bench.uploads.appending("link")
    symlink(bench.uploads.string, directory.string)
    #expect(code { _ = try quarantine.restore(record.id, to: directory.appending("x")) } == .symlink)
    #expect(code { _ = try quarantine.restore(record.id, to: "relative") } == .tampered)
    #expect(try bench.names() == before)
    #expect(try quarantine.record(record.id) == record)

    let elsewhere = bench.uploads.appending("b.png")
    #expect(try quarantine.restore(record.id, to: elsewhere).path == elsewhere)
    #expect(content(elsewhere) == bytes)
    #expect(code { _ = try quarantine.restore(record.id) } == .notFound)
  }

  @Test(arguments: hasTwoFilesystems ? [false, true] : [false])
  func changedEvidenceIsNotGivenBack(crossDevice: Bool) throws {
    let bench = try Bench(crossDevice: crossDevice)
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let path = try put(bench.uploads.appending("a.png"))
    let record = try quarantine.take(path)
    let object = bench.quarantinePath.appending(record.id.description)
    chmod(object.string, 0o600)
    let file = try FileDescriptor.open(object, .writeOnly)
    _ = try file.closeAfter { try file.writeAll([0]) }
    #expect(code { _ = try quarantine.restore(record.id) } == .evidenceChanged)
    #expect(content(path) == nil)
    #expect(try quarantine.record(record.id) == record)
  }

  /// As `staypos-ctl` shows them.
  @Test func refusalsSayWhatToDo() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let path = try put(bench.uploads.appending("a.png"))
    let id = try quarantine.take(path).id
    func refusal(_ target: FilePath? = nil) -> String? {
      do throws(QuarantineError) {
        _ = try quarantine.restore(id, to: target)
        return nil
      } catch {
        return error.description
      }
    }
    try put(path, [3])
    #expect(
      refusal()
        == "\(path): something is there, and nothing is overwritten: move that away, or name another path with --to")
    let orphan = bench.uploads.appending("gone/a.png")
    #expect(
      refusal(orphan) == "\(orphan): its directory is gone: make it again, or name another path with --to")
    let linked = bench.uploads.appending("link")
    symlink("a.png", linked.string)
    #expect(
      refusal(linked) == "\(linked): a symbolic link is there: remove it, or name another path with --to")

    let file = bench.quarantinePath.appending("\(id).json").string
    let text = try String(contentsOfFile: file, encoding: .utf8)
    for (old, new, reason) in [
      ("\"state\"", "\"stat\"", "there is no state"), ("\"size\" : 19", "\"size\" : 20", "size: sizes contradict"),
      ("{", "", "not"),
    ] {
      let changed = text.replacing(old, with: new, maxReplacements: 1)
      try #require(changed != text)
      try changed.write(toFile: file, atomically: true, encoding: .utf8)
      let message = try #require(refusal())
      #expect(message.hasPrefix("the record of \(id) makes no sense ("), "\(message)")
      #expect(message.contains(reason) && message.contains("put a copy of \(id).json back"), "\(message)")
      #expect(message.count < 300 && !message.contains("\n"), "\(message)")
    }
    try Data(count: 17 << 20).write(to: URL(filePath: file))
    #expect(refusal()?.hasPrefix("the record of \(id) is larger than any that was written") == true)
  }

  @Test(
    "Pitfall 54: a record that was tampered with is refused and reported",
    arguments: [
      ("\"sha256\" : \"", "\"sha256\" : \"zz"), ("/a.png\"", "/../a.png\""), ("\"/tmp", "\"tmp"),
      ("\"format\" : 1", "\"format\" : 2"), ("\"size\" : 19", "\"size\" : -19"),
      ("\"state\" : \"quarantined\"", "\"state\" : \"x\""),
    ])
  func tamperedRecordIsRefusedAndReported(old: String, new: String) throws {
    let bench = try Bench()
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let record = try quarantine.take(try put(bench.uploads.appending("a.png")))
    let file = bench.quarantinePath.appending("\(record.id).json").string
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try #require(text.contains(old), "\(text)")
    try text.replacingOccurrences(of: old, with: new).write(toFile: file, atomically: true, encoding: .utf8)
    #expect(code { _ = try quarantine.restore(record.id) } == .tampered)
    #expect(code { _ = try quarantine.delete(record.id) } == .tampered)
    let (records, problems) = try quarantine.records()
    #expect(records.isEmpty)
    #expect(problems.map(\.error.code) == [.tampered])
    #expect(try quarantine.recover().problems.count == 1)
    #expect(try bench.names().count == 2)
  }

  @Test func recordUnderAnotherNameIsRefused() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let one = try quarantine.take(try put(bench.uploads.appending("a.png")))
    let other = try quarantine.take(try put(bench.uploads.appending("b.png"), [1]))
    rename(
      bench.quarantinePath.appending("\(one.id).json").string, bench.quarantinePath.appending("\(other.id).json").string
    )
    #expect(code { _ = try quarantine.restore(other.id) } == .tampered)
    #expect(try quarantine.recover().problems.count == 2)
  }

  #if DEBUG
    /// Nobody may slip a file in as known because a restore to its name was cut short.
    @Test(arguments: hasTwoFilesystems ? [false, true] : [false])
    func whatReplacedARestoredFileIsNotTakenForIt(crossDevice: Bool) throws {
      let bench = try Bench(crossDevice: crossDevice)
      defer { bench.remove() }
      let quarantine = try bench.quarantine()
      let path = try put(bench.uploads.appending("a.png"))
      let id = try quarantine.take(path).id
      let point = crossDevice ? "restore.objectRemoved" : "restore.moved"
      let result = Failpoint.$handler.withValue({ if $0 == point { throw QuarantineError(.io, "cut short") } }) {
        code { _ = try quarantine.restore(id) }
      }
      #expect(result == .io)
      try FileManager.default.removeItem(atPath: path.string)
      try put(path, [7])
      var told: [FileIdentity?] = []
      let recovery = try quarantine.recover { departure in
        if case .restored(_, let identity) = departure { told.append(identity) }
      }
      #expect(told == [nil])
      #expect(recovery.restored.map(\.id) == [id])
      #expect(content(path) == [7])
    }

    /// Whoever keeps an index is asked before the record goes, until it has agreed.
    @Test func theRecordStaysUntilItsEndIsWrittenDown() throws {
      let bench = try Bench()
      defer { bench.remove() }
      let quarantine = try bench.quarantine()
      let path = try put(bench.uploads.appending("a.png"))
      let id = try quarantine.take(path).id
      let refusal = QuarantineError(.noSpace, "the index is full")
      #expect(code { _ = try quarantine.restore(id, beforePublishing: { _ in throw refusal }) } == .noSpace)
      #expect(content(path) == nil)
      #expect(try quarantine.record(id).state == .quarantined)
      #expect(code { _ = try quarantine.restore(id, beforeForgetting: { _ in throw refusal }) } == .noSpace)
      #expect(content(path) == bytes)
      #expect(code { _ = try quarantine.recover { _ in throw refusal } } == .noSpace)
      var told: [FileIdentity?] = []
      _ = try quarantine.recover { departure in
        if case .restored(_, let identity) = departure { told.append(identity) }
      }
      #expect(try told == [status(path).identity])
      #expect(try quarantine.recover().changedNothing)
    }
  #endif

  @Test func openedObjectHasTheBytes() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let quarantine = try bench.quarantine()
    let record = try quarantine.take(try put(bench.uploads.appending("a.png")))
    #expect(try quarantine.open(record.id).readAll(limit: 100) == bytes)
    #expect(code { _ = try quarantine.open(QuarantineID(at: .now)) } == .notFound)
  }
}
