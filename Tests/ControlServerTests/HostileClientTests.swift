import ControlInterface
import ControlServer
import Foundation
import StayposCore
import SystemPackage
import TestSupport
import Testing
import Threading

/// Clients that want to do harm, or are broken: bounded, and nobody else suffers.
struct HostileClientTests {
  private func isAlive(_ harness: Harness) throws -> Bool {
    var client = try harness.client()
    return try client.call(.getThreshold, replying: ThresholdReply.self).threshold.value == Threshold(0.5)
  }

  @Test(arguments: [
    "garbage\0", "\0", "[]\0", "{}\0", #"{"method":5}"# + "\0", "{\"method\":\"a.b\"", "\u{1}\0",
    String(repeating: "[", count: 60_000) + "\0",
  ])
  func garbageEndsTheConversation(text: String) throws {
    var limits = ConnectionLimits()
    limits.messageTime = .milliseconds(50)
    let harness = try Harness(limits: limits)
    let client = try RawClient(harness)
    client.send(text)
    #expect(client.read() == [])
    #expect(try isAlive(harness))
  }

  @Test("Pitfall 58: a message without an end is cut off") func aMessageWithoutAnEndIsCutOff() throws {
    let harness = try Harness()
    let client = try RawClient(harness)
    let piece = String(repeating: "x", count: 1 << 14)
    var sent = 0
    while client.send(piece), sent < 10 << 20 { sent += piece.utf8.count }
    #expect(sent < 2 << 20)
    #expect(eventually { harness.openSockets == 1 })
    #expect(try isAlive(harness))
  }

  @Test("Pitfall 58: random bytes harm nobody", arguments: 0..<20)
  func randomBytesHarmNobody(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let harness = try Harness()
    for _ in 0..<10 {
      let client = try RawClient(harness)
      // From close to a call to anything at all.
      var bytes = Array(
        (#"{"method":"io.staypos.Control.ListHistory","more":true,"parameters":{"limit":3}}"# + "\0").utf8)
      for _ in 0..<Int.random(in: 0...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      client.send(bytes)
    }
    #expect(try isAlive(harness), "seed \(seed)")
    #expect(eventually { harness.openSockets == 1 }, "seed \(seed)")
  }

  @Test func aClientThatSaysNothingIsDismissed() throws {
    var limits = ConnectionLimits()
    limits.idleTime = .milliseconds(50)
    let harness = try Harness(limits: limits)
    #expect(try RawClient(harness).read() == [])
  }

  /// Asks and asks and reads nothing: the server stops reading, keeps a bounded output, and in the end gives up.
  @Test func aClientThatReadsNothingIsDismissed() throws {
    var limits = ConnectionLimits()
    limits.stalledTime = .milliseconds(100)
    let harness = try Harness(limits: limits)
    harness.service.state.update { $0.historySize = 1_000_000 }
    let client = try RawClient(harness)
    client.send(#"{"method":"io.staypos.Control.ListHistory","more":true,"parameters":{"limit":1000000}}"# + "\0")
    #expect(try isAlive(harness))
    #expect(eventually { harness.openSockets == 1 })
    var total = 0
    while let bytes = client.read(), !bytes.isEmpty { total += bytes.count }
    #expect(total < 2 << 20)
  }

  @Test("Pitfall 58: connections are limited") func connectionsAreLimited() throws {
    var limits = ConnectionLimits()
    limits.connections = 20
    let harness = try Harness(limits: limits)
    do {
      let clients = try (0..<60).map { _ in try RawClient(harness) }
      let closed = eventually { harness.openSockets <= 21 }
      #expect(closed)
      let refused = clients.dropFirst(20)
      #expect(refused.allSatisfy { $0.read() == [] })
      // The first twenty are served.
      for client in clients.prefix(20) {
        client.send(#"{"method":"io.staypos.Control.GetThreshold"}"# + "\0")
        #expect(try client.replies(1).count == 1)
      }
    }
    // A descriptor that the server had forgotten would still be in the table.
    #expect(eventually { harness.openSockets == 1 })
    #expect(try isAlive(harness))
  }

  @Test(
    "Pitfall 58: whoever asks for much keeps nobody else waiting",
    .enabled(if: RightsTests.canSwitchUser, "needs root and setpriv"))
  func usersTakeTurns() throws {
    let harness = try Harness()
    harness.service.state.update { state in
      state.historySize = 1_000_000
      state.pageTime = 10_000
    }
    // Reads lists without end, over 40 connections.
    let script = """
      import select, socket, sys
      call = b'{"method":"io.staypos.Control.ListHistory","more":true,"parameters":{"limit":1000000}}\\0'
      open_ = []
      for _ in range(40):
          s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(call); open_.append(s)
      first = True
      while True:
          ready = select.select(open_ + [sys.stdin], [], [])[0]
          if sys.stdin in ready: break
          for s in ready: s.recv(1 << 20)
          if first: print("reading", flush=True); first = False
      """
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/setpriv")
    process.arguments = [
      "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script, harness.socket.string,
    ]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    defer {
      try? input.fileHandleForWriting.close()
      process.waitUntilExit()
    }
    #expect(output.fileHandleForReading.availableData.starts(with: "reading".utf8))
    var client = try harness.client()
    for _ in 0..<10 {
      let start = ContinuousClock.now
      _ = try client.call(.getThreshold, replying: ThresholdReply.self)
      // One page, and not one of each connection (0.4 s).
      #expect(ContinuousClock.now - start < .milliseconds(200))
    }
  }

  @Test("Pitfall 58: whoever opens one connection after the other does not go before the older ones of the same user")
  func newConnectionsQueueUp() throws {
    let harness = try Harness()
    let state = harness.service.state
    state.update { state in
      state.historySize = 300
      state.isPageHeld = true
    }
    let old = try RawClient(harness)
    old.send(#"{"method":"io.staypos.Control.ListHistory","more":true,"parameters":{"limit":300}}"# + "\0")
    #expect(eventually { state.read { $0.reads.contains(.listHistory) } })
    // All come while the first page stands still.
    let others = try (0..<20).map { _ in try RawClient(harness) }
    for client in others { client.send(#"{"method":"io.staypos.Control.GetThreshold"}"# + "\0") }
    state.update { $0.isPageHeld = false }
    for client in others { #expect(try client.replies(1).count == 1) }
    // They are let in during the second page, and then the third is due.
    #expect(state.read { Array($0.reads.prefix(4)) } == [.listHistory, .listHistory, .listHistory, .getThreshold])
  }

  /// Comes and goes a thousand times, in the middle of every kind of call.
  @Test func goingAwayLeavesNothingBehind() throws {
    let harness = try Harness()
    let calls = [
      #"{"method":"io.staypos.Control.GetStatus"}"# + "\0",
      #"{"method":"io.staypos.Control.ListHistory","more":true,"parameters":{"limit":200}}"# + "\0",
      #"{"method":"io.staypos.Control.Monitor","more":true}"# + "\0",
      #"{"method":"io.staypos.Control.Submit","parameters":{"path":"/up/a","wait":true}}"# + "\0",
      #"{"method":"io.staypos.Control.Reload"}"# + "\0", "{\"meth", "",
    ]
    for index in 0..<1000 {
      let client = try RawClient(harness)
      client.send(calls[index % calls.count])
    }
    #expect(eventually { harness.openSockets == 1 })
    // Verdicts for those who have gone.
    for waiter in harness.service.state.read({ $0.waiters }) { waiter.fail(.refused("late")) }
    #expect(try isAlive(harness))
  }
}
