import ControlInterface
import ControlServer
import Glibc
import StayposCore
import SystemPackage
import Testing
import Threading

/// Our client against our server.
struct ServingTests {
  @Test func readsAndChanges() throws {
    let harness = try Harness()
    var client = try harness.client()
    #expect(try client.call(.getStatus, replying: StatusReply.self).status.state == .ready)
    let set = try client.call(.setThreshold, SetThresholdCall(value: 0.75), replying: ThresholdReply.self)
    #expect(set.threshold.value == Threshold(0.75))
    #expect(set.threshold.origin == .runtime)
    #expect(try client.call(.resetThreshold, replying: ThresholdReply.self).threshold.origin == .model)
    _ = try client.call(.pause, replying: NoParameters.self)
    #expect(try client.call(.getStatus, replying: StatusReply.self).status.state == .paused)
    _ = try client.call(.resume, replying: NoParameters.self)
    _ = try client.call(.rescan, PathCall(path: "/up/x"), replying: NoParameters.self)
    _ = try client.call(.rescan, PathCall(path: nil), replying: NoParameters.self)
    #expect(harness.service.state.read { $0.rescans } == ["/up/x", nil])
    let digest = try #require(FakeService.digest)
    _ = try client.call(.addAllow, AddAllowCall(sha256: digest, note: "ours"), replying: NoParameters.self)
    #expect(try client.call(.listAllow, replying: ListReply<AllowRecord>.self).entries.map(\.note) == ["ours"])
    _ = try client.call(.removeAllow, RemoveAllowCall(sha256: digest), replying: NoParameters.self)
    let id = QuarantineID(at: FakeService.time, random: 5)
    let path = try #require(FilePath(bytes: Array("/up/".utf8) + [0xFE]))
    let restored = try client.call(
      .restoreQuarantine, RestoreQuarantineCall(id: id, to: path), replying: RestoreReply.self)
    #expect(FilePath(json: restored.path, base64: restored.pathBase64) == path)
    #expect(harness.service.state.read { $0.restored } == [path])
    _ = try client.call(.deleteQuarantine, QuarantineIDCall(id: id), replying: NoParameters.self)
    #expect(harness.service.state.read { $0.deleted } == [id])
    #expect(try client.call(.getHistory, HistoryIDCall(id: 3), replying: HistoryReply.self).entry.verdict == .flagged)
    #expect(try client.call(.getQuarantine, QuarantineIDCall(id: id), replying: QuarantineReply.self).object.id == id)
    #expect(
      try client.call(.listQueue, ListQueueCall(limit: 2), replying: ListReply<QueueRecord>.self).entries.count == 2)
  }

  private func failure(_ harness: Harness, _ method: ControlMethod, _ call: some Encodable) throws -> ControlFailure? {
    var client = try harness.client()
    do throws(ControlClientError) {
      _ = try client.call(method, call, replying: NoParameters.self)
      return nil
    } catch {
      return error.failure
    }
  }

  @Test func saysWhatIsWrong() throws {
    let harness = try Harness()
    struct Text: Encodable { var value = "high" }
    struct Digest: Encodable { var sha256 = "12" }
    #expect(try failure(harness, .setThreshold, SetThresholdCall(value: 1.5)) == .invalidParameter("value"))
    #expect(try failure(harness, .setThreshold, Text()) == .invalidParameter("value"))
    #expect(try failure(harness, .setThreshold, NoParameters()) == .invalidParameter("value"))
    #expect(try failure(harness, .addAllow, Digest()) == .invalidParameter("sha256"))
    #expect(try failure(harness, .submit, PathCall(path: nil)) == .invalidParameter("path"))
    #expect(try failure(harness, .submit, PathCall(path: "relative")) == .invalidParameter("path"))
    #expect(
      try failure(harness, .listHistory, ListHistoryCall(limit: 0, verdict: nil, path: nil, since: nil))
        == .invalidParameter("limit"))
    #expect(try failure(harness, .getHistory, HistoryIDCall(id: 9999)) == .notFound("no history entry 9999"))
    #expect(try failure(harness, .monitor, NoParameters()) == .expectedMore)
    #expect(try failure(harness, .reload, NoParameters()) == .refused("stayposd.toml:3:1: unknown key"))
    let missing = QuarantineIDCall(id: FakeService.missing)
    #expect(
      try failure(harness, .deleteQuarantine, missing)
        == .notFound("nothing in the quarantine is \(FakeService.missing)"))
    let digest = try #require(FakeService.digest)
    #expect(
      try failure(harness, .removeAllow, RemoveAllowCall(sha256: digest))
        == .notFound("\(digest) is not on the allowlist"))
    #expect(harness.service.state.read { $0.threshold } == 0.5)
  }

  /// Pages join without gap or repetition, however many entries are asked for.
  @Test(arguments: [1, 99, 100, 101, 250, 1000])
  func historyComesInPages(limit: Int) throws {
    let harness = try Harness()
    var client = try harness.client()
    var ids: [Int64] = []
    let call = ListHistoryCall(limit: limit, verdict: nil, path: nil, since: nil)
    try client.stream(.listHistory, call, replying: ListReply<HistoryRecord>.self) { page throws(ControlClientError) in
      ids += page.entries.map(\.id)
      return true
    }
    #expect(ids == Array((1...250).reversed().prefix(limit)))
    // The same in one reply, on the same connection.
    #expect(try client.call(.listHistory, call, replying: ListReply<HistoryRecord>.self).entries.map(\.id) == ids)
  }

  /// What is looked through without finding anything costs turns, and neither replies nor the end of the list.
  @Test func piecesThatFindNothingAreNoReplies() throws {
    let harness = try Harness()
    let client = try RawClient(harness)
    let list = #"{"method":"io.staypos.Control.ListHistory","parameters":{"verdict":"not-scored"}"#
    client.send(list + "}\0" + list + #","more":true}"# + "\0")
    let nothing = #"{"parameters":{"entries":[]}}"#
    #expect(try client.replies(2) == [nothing, nothing])
    // Three pieces each.
    #expect(harness.service.state.read { $0.reads.count } == 6)
  }

  /// However long the paths are, a reply is not.
  @Test func repliesAreBounded() throws {
    let harness = try Harness()
    harness.service.state.update { state in
      state.queueSize = 700
      state.nameLength = 4000
    }
    let list = #"{"method":"io.staypos.Control.ListQueue","parameters":{"limit":1000}"#
    let client = try RawClient(harness)
    client.send(list + "}\0")
    #expect(try client.replies(1)[0].contains("ExpectedMore"))
    client.send(list + #","more":true}"# + "\0")
    var ids: [Int64] = []
    var framer = VarlinkFramer()
    var isLast = false
    while !isLast {
      framer.append(try #require(client.read()))
      while let message = try framer.next() {
        #expect(message.count < 256 << 10)
        let reply = try VarlinkMessage.decode(VarlinkReply<ListReply<QueueRecord>>.self, from: message)
        ids += reply.parameters.entries.map(\.id)
        isLast = reply.continues != true
      }
    }
    #expect(ids == Array(0..<700))
  }

  @Test func quarantineComesInPages() throws {
    let harness = try Harness()
    var client = try harness.client()
    var ids: [QuarantineID] = []
    try client.stream(.listQuarantine, replying: ListReply<QuarantineObject>.self) { page throws(ControlClientError) in
      ids += page.entries.map(\.id)
      return true
    }
    #expect(ids.count == 150)
    #expect(ids == ids.sorted(by: >))
  }

  @Test func waitsForTheVerdict() throws {
    let harness = try Harness()
    let service = harness.service
    let judge = DedicatedThread(name: "judge") {
      let waiter = service.state.wait(timeout: .seconds(20)) { $0.waiters.first }
      guard let threshold = Threshold(0.5) else { return }
      waiter?.complete(
        HistoryEntry(id: 77, time: .now, path: "/up/a", verdict: .flagged, threshold: threshold, duration: .zero))
      // Settled once.
      waiter?.fail(.refused("late"))
    }
    var client = try harness.client()
    let reply = try client.call(.submit, PathCall(path: "/up/a", wait: true), replying: SubmitReply.self)
    judge.join()
    #expect(reply.entry?.id == 77)
    #expect(try client.call(.submit, PathCall(path: "/up/b"), replying: SubmitReply.self).queueId == 2)
    #expect(
      try failure(harness, .submit, PathCall(path: "/up/refused", wait: true))
        == .refused("outside the watched directories"))
  }

  /// A reload that takes its time holds up neither other clients nor, once it is done, its own.
  @Test func longCallsHoldUpNobody() throws {
    let harness = try Harness()
    harness.service.state.update { $0.isHeld = true }
    let slow = try RawClient(harness)
    slow.send(
      #"{"method":"io.staypos.Control.Reload"}"# + "\0" + #"{"method":"io.staypos.Control.GetThreshold"}"# + "\0")
    var client = try harness.client()
    #expect(try client.call(.getStatus, replying: StatusReply.self).status.queueDepth == 3)
    #expect(harness.service.state.read { $0.reloads } == 0)
    harness.service.state.update { $0.isHeld = false }
    let replies = try slow.replies(2)
    #expect(replies[0].contains("unknown key"))
    #expect(replies[1].contains("threshold"))
  }

  /// A change waits for the catalogue; who asks for the status does not wait for the change.
  @Test func transactionsHoldUpNobody() throws {
    let harness = try Harness()
    harness.service.state.update { $0.isPauseHeld = true }
    let changing = try RawClient(harness)
    changing.send(#"{"method":"io.staypos.Control.Pause"}"# + "\0")
    var client = try harness.client()
    #expect(try client.call(.getStatus, replying: StatusReply.self).status.state == .ready)
    harness.service.state.update { $0.isPauseHeld = false }
    #expect(try changing.replies(1) == [#"{"parameters":{}}"#])
    #expect(try client.call(.getStatus, replying: StatusReply.self).status.state == .paused)
  }

  @Test func onewayCallsGetNoReply() throws {
    let harness = try Harness()
    let client = try RawClient(harness)
    client.send(
      #"{"method":"io.staypos.Control.Pause","oneway":true}"# + "\0"
        + #"{"method":"io.staypos.Control.Rescan","oneway":true}"# + "\0"
        + #"{"method":"io.staypos.Control.GetStatus"}"# + "\0")
    #expect(try client.replies(1)[0].contains(#""state":"paused""#))
    #expect(harness.service.state.read { $0.rescans.count } == 1)
  }

  @Test func unknownNamesAreSaid() throws {
    let harness = try Harness()
    let client = try RawClient(harness)
    for (method, error) in [
      ("io.staypos.Control.Nonsense", "org.varlink.service.MethodNotFound"),
      ("org.varlink.service.Nonsense", "org.varlink.service.MethodNotFound"),
      ("io.example.Other.Call", "org.varlink.service.InterfaceNotFound"),
      ("nonsense", "org.varlink.service.MethodNotFound"),
    ] {
      client.send(#"{"method":"\#(method)"}"# + "\0")
      #expect(try client.replies(1)[0].contains(error))
    }
  }

  @Test func theSocketGoesWithTheServer() throws {
    let harness = try Harness()
    let client = try RawClient(harness)
    harness.stop()
    #expect(client.read() == [])
    #expect(access(harness.socket.string, F_OK) != 0)
    do throws(ControlClientError) {
      _ = try ControlClient(socket: harness.socket)
      Issue.record("connected to nothing")
    } catch {
      #expect(error.code == .unreachable)
    }
  }
}
