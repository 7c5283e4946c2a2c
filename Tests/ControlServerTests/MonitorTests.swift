import ControlInterface
import Foundation
import StayposCore
import SystemPackage
import Testing

@testable import ControlServer

struct MonitorTests {
  private let call = #"{"method":"io.staypos.Control.Monitor","more":true}"# + "\0"

  @Test func eventsReachEveryWatcherInOrder() throws {
    let harness = try Harness()
    let clients = try (0..<3).map { _ in try RawClient(harness) }
    for client in clients {
      client.send(call)
      // The stream has begun.
      #expect(try client.replies(1)[0].contains(#""lost":0"#))
    }
    for index in 0..<200 {
      harness.feed.publish(Event(.clear, .info, "number \(index)", path: FilePath("/up/\(index)")))
    }
    for client in clients {
      let replies = try client.replies(200)
      for (index, reply) in replies.enumerated() {
        #expect(reply.contains(#""message":"number \#(index)""#) && reply.contains(#""continues":true"#))
      }
    }
  }

  /// Every event is either delivered or counted as lost, and the client is told how many.
  @Test("Pitfall 59: a slow watcher is told what it missed") func aSlowWatcherIsToldWhatItMissed() throws {
    var limits = ConnectionLimits()
    limits.outputBytes = 4096
    let harness = try Harness(limits: limits)
    let slow = try RawClient(harness)
    slow.send(call)
    _ = try slow.replies(1)
    let quick = try RawClient(harness)
    quick.send(call)
    _ = try quick.replies(1)
    let total = 5000
    var framer = VarlinkFramer()
    func take(_ client: RawClient) throws -> (events: Int, lost: Int) {
      var (events, lost) = (0, 0)
      framer.append(try #require(client.read()))
      while let message = try framer.next() {
        let reply = try VarlinkMessage.decode(VarlinkReply<MonitorReply>.self, from: message).parameters
        events += reply.event == nil ? 0 : 1
        lost += reply.lost
      }
      return (events, lost)
    }
    var (events, lost) = (0, 0)
    for index in 0..<total {
      harness.feed.publish(Event(.clear, .info, "number \(index)", path: FilePath("/up/\(index)")))
      // The quick one keeps pace, so that the feed itself loses nothing.
      if index % 100 == 99 {
        while events + lost < index + 1 {
          let more = try take(quick)
          events += more.events
          lost += more.lost
        }
      }
    }
    #expect(events + lost == total)
    framer = VarlinkFramer()
    (events, lost) = (0, 0)
    while events + lost < total {
      let more = try take(slow)
      events += more.events
      lost += more.lost
    }
    #expect(events + lost == total)
    #expect(lost > 0 && events > 0)
  }

  @Test("Pitfall 59: a watcher that always leaves something unread does not keep what it has read in memory")
  func nothingIsKept() throws {
    var state = ConnectionState(limits: ConnectionLimits(), now: .now)
    state.enter(.monitoring, now: .now)
    let event = [UInt8](repeating: 120, count: 1000)
    state.enqueue(event, now: .now)
    for _ in 0..<10_000 {
      state.enqueue(event, now: .now)
      state.sent(event.count, now: .now)
    }
    #expect(state.unsent.count == event.count)
    let held = try #require(Mirror(reflecting: state).children.first { $0.label == "output" }?.value as? [UInt8])
    #expect(held.count <= 4 * event.count)
  }

  @Test("Pitfall 59: a watcher that never reads is dismissed") func aWatcherThatNeverReadsIsDismissed() throws {
    var limits = ConnectionLimits()
    limits.stalledTime = .milliseconds(100)
    let harness = try Harness(limits: limits)
    let client = try RawClient(harness)
    client.send(call)
    _ = try client.replies(1)
    let dismissed = eventually {
      for _ in 0..<200 { harness.feed.publish(Event(.clear, .info, String(repeating: "x", count: 2000))) }
      return harness.openSockets == 1
    }
    #expect(dismissed)
  }
}
