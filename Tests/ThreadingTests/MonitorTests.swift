import Glibc
import Testing
import Threading

struct MonitorTests {
  /// A deadline that is over is how a worker learns that the queue has something by now. A wait that never ends holds the
  /// monitor's lock, so it is watched through a pipe.
  @Test(
    arguments: [
      .zero, .nanoseconds(-1), .nanoseconds(-999_999_999), .seconds(-1) - .milliseconds(500), .seconds(-1_800_000_000),
    ] as [Duration])
  func aTimeoutThatIsOverIsNoWait(timeout: Duration) throws {
    var ends: [CInt] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { close(ends[0]) }
    let writer = ends[1]
    DedicatedThread.detach(name: "waiter") {
      let monitor = Monitor(0)
      let isOver = (0..<100).allSatisfy { _ in monitor.wait(timeout: timeout) { $0 > 0 ? () : nil } == nil }
      var answer: UInt8 = isOver ? 1 : 0
      _ = write(writer, &answer, 1)
      close(writer)
    }
    var descriptor = pollfd(fd: ends[0], events: CShort(POLLIN), revents: 0)
    try #require(poll(&descriptor, 1, 60_000) == 1, "the wait has not ended")
    var answer: UInt8 = 0
    #expect(read(ends[0], &answer, 1) == 1)
    #expect(answer == 1)
  }

  @Test func aTimeoutEndsTheWait() {
    let monitor = Monitor(0)
    let start = ContinuousClock.now
    #expect(monitor.wait(timeout: .milliseconds(20)) { $0 > 0 ? $0 : nil } == nil)
    #expect(ContinuousClock.now - start >= .milliseconds(20))
  }

  @Test func aChangeEndsTheWait() {
    let monitor = Monitor(0)
    let thread = DedicatedThread(name: "changer") { monitor.update { $0 = 7 } }
    #expect(monitor.wait { $0 > 0 ? $0 : nil } == 7)
    thread.join()
  }
}
