import ControlInterface
import Foundation
import StayposCore
import SystemPackage
import Testing

/// The interface text and what is really sent say the same.
struct InterfaceTests {
  private let digest = SHA256Digest(bytes: [UInt8](repeating: 0xAB, count: 32))
  private let time = Timestamp(seconds: 1_795_253_400, nanoseconds: 0)

  private func threshold() throws -> Threshold { try #require(Threshold(0.5)) }

  /// A name with a byte that is not UTF-8.
  private func path() throws -> FilePath { try #require(FilePath(bytes: Array("/up/".utf8) + [0xFF])) }

  private func entry(full: Bool) throws -> HistoryRecord {
    HistoryRecord(
      HistoryEntry(
        id: 7, time: time, path: full ? try path() : "/up/a", fileSize: full ? 10 : nil, sha256: full ? digest : nil,
        verdict: full ? .notScored(.corrupt) : .clear, detail: full ? "why" : nil,
        score: full ? Score(realScore: 0.25, fakeScore: 1.5, bias: -1) : nil,
        imageSize: full ? ImageSize(width: 3, height: 4) : nil, threshold: try threshold(), model: full ? digest : nil,
        quarantineID: full ? QuarantineID(at: time, random: 1) : nil, duration: .milliseconds(1500)))
  }

  private func object(full: Bool) throws -> QuarantineObject {
    QuarantineObject(
      id: QuarantineID(at: time, random: 1), time: time, path: full ? try path() : "/up/a",
      sha256: try #require(digest), size: 10, score: full ? Score(realScore: 0, fakeScore: 2, bias: -1) : nil,
      threshold: try threshold(), model: full ? digest : nil, uid: 1, gid: 2, mode: 0o644, modified: time, links: 1,
      writerOpen: full ? true : nil,
      host: "h")
  }

  private func status(full: Bool) throws -> DaemonStatus {
    DaemonStatus(
      version: "1", state: .ready, pid: 1, startedAt: time, now: time.advanced(by: .milliseconds(2500)),
      model: full ? .init(name: "m", sha256: try #require(digest)) : nil,
      threshold: ThresholdState(value: try threshold(), origin: .file), mode: .enforce, queueDepth: 1,
      oldestQueuedSeconds: full ? 1.5 : nil, inFlight: 1, counts: .init(flagged: 1, clear: 2, notScored: 3),
      roots: full ? [.init(path: try path(), state: "watching")] : [], watches: 3,
      overflows: 1, pendingWriters: full ? [.init(path: try path(), since: time)] : [],
      quarantine: .init(count: 1, bytes: 2),
      scorers: full ? [.init(pid: 2, state: "idle", restarts: 0)] : [], sandbox: "landlock",
      degradations: full ? [Degradation(kind: "k", detail: "d", since: time, remedy: "r")] : [])
  }

  private func event(full: Bool) throws -> EventRecord {
    guard full else { return EventRecord(Event(.started, .info, "m"), at: time) }
    return EventRecord(
      Event(
        .notScored, .warning, "m", path: try path(), sha256: digest, verdict: .notScored(.corrupt),
        score: Score(realScore: 0.5, fakeScore: 2, bias: -1), threshold: try threshold(), model: digest,
        quarantineID: QuarantineID(at: time, random: 1), duration: .milliseconds(1500),
        peer: Peer(uid: 1, gid: 2, pid: 3)), at: time)
  }

  @Test(arguments: [false, true])
  func typesMatchWhatIsSent(full: Bool) throws {
    let types = VarlinkTypes(ControlInterface.description)
    try types.check(try status(full: full), is: "Status")
    try types.check(try entry(full: full), is: "History")
    try types.check(try object(full: full), is: "Quarantined")
    try types.check(try event(full: full), is: "Event")
    try types.check(
      AllowRecord(sha256: try #require(digest), note: "n", time: time), is: "Allowed")
    let identity = FileIdentity(device: 1, inode: 2, birth: nil, size: 3, modified: time, changed: time)
    try types.check(
      QueueRecord(
        QueueItem(
          id: 1, path: full ? try path() : "/up/a", identity: identity, priority: .live, enqueued: time, attempts: 0)),
      is: "QueueEntry")
  }

  /// Keys that scripts rely on (staypos-ctl(1)).
  @Test func contractualKeysAreAlwaysThere() throws {
    func keys(_ value: some Encodable) throws -> Set<String> {
      Set(try #require(JSONSerialization.jsonObject(with: JSONEncoder().encode(value)) as? [String: Any]).keys)
    }
    #expect(
      try keys(try entry(full: false)).isSuperset(of: [
        "id", "time", "path", "verdict", "reason", "probability", "logit", "threshold", "sha256", "quarantineId",
      ]))
    #expect(
      try keys(try object(full: false)).isSuperset(of: [
        "id", "path", "sha256", "size", "probability", "threshold", "time",
      ]))
    #expect(
      try keys(try status(full: true)).isSuperset(of: [
        "version", "state", "model", "threshold", "mode", "queueDepth", "inFlight", "counts", "degradations",
      ]))
  }

  @Test func recordsSurviveTheirJourney() throws {
    for full in [false, true] {
      let entry = try entry(full: full)
      #expect(try VarlinkMessage.decode(HistoryRecord.self, from: VarlinkMessage.encode(entry).dropLast()) == entry)
      let event = try event(full: full)
      #expect(try VarlinkMessage.decode(EventRecord.self, from: VarlinkMessage.encode(event).dropLast()) == event)
    }
    let entry = try entry(full: true)
    #expect(FilePath(json: entry.path, base64: entry.pathBase64) == (try path()))
  }

  @Test func infiniteScoresCanBeSaid() throws {
    var entry = HistoryEntry(time: time, path: "/a", verdict: .clear, threshold: try threshold(), duration: .zero)
    entry.score = Score(realScore: -.infinity, fakeScore: 0, bias: 0)
    let record = HistoryRecord(entry)
    #expect(record.logit == nil)
    #expect(record.probability == 0)
    _ = try VarlinkMessage.encode(record)
  }

  @Test func everyMethodIsDescribed() {
    for method in ControlMethod.allCases {
      #expect(ControlInterface.description.contains("method \(method.rawValue)("))
    }
    #expect(ControlInterface.description.components(separatedBy: "\nmethod ").count - 1 == ControlMethod.allCases.count)
  }

  @Test func failuresSurviveTheirJourney() throws {
    let failures: [ControlFailure] = [
      .notFound("a"), .permissionDenied("b"), .refused("c"), .invalidParameter("d"), .methodNotFound("e"),
      .methodNotImplemented("f"), .interfaceNotFound("g"), .expectedMore,
    ]
    for failure in failures {
      let bytes = try VarlinkMessage.encode(failure.error)
      #expect(ControlFailure(try VarlinkMessage.decode(VarlinkError.self, from: bytes.dropLast())) == failure)
    }
  }

  @Test func onlyReadingIsFree() {
    let reading = ControlMethod.allCases.filter { $0.right == .read }.map(\.rawValue)
    #expect(reading.allSatisfy { $0.hasPrefix("Get") || $0.hasPrefix("List") || $0 == "Monitor" })
    #expect(ControlMethod.allCases.count - reading.count == 11)
  }
}

extension VarlinkMessage {
  static func decode<Message: Decodable>(_ type: Message.Type, from bytes: ArraySlice<UInt8>) throws -> Message {
    try decode(type, from: Array(bytes))
  }
}
