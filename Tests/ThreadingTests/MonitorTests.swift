import Glibc
import Testing
import Threading

struct MonitorTests {
  /// A deadline that is over is how a worker learns that the queue has something by now.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      .zero, .nanoseconds(-1), .nanoseconds(-999_999_999), .seconds(-1) - .milliseconds(500), .seconds(-1_800_000_000),
    ] as [Duration])
  func aTimeoutThatIsOverIsNoWait(timeout: Duration) async {
    let ended = await withCheckedContinuation { continuation in
      DedicatedThread.detach(name: "waiter") {
        let monitor = Monitor(0)
        let results = (0..<100).map { _ in monitor.wait(timeout: timeout) { $0 > 0 ? () : nil } == nil }
        continuation.resume(returning: results)
      }
    }
    #expect(ended.allSatisfy { $0 })
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
