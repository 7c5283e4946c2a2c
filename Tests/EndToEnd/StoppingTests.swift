import Foundation
import Glibc
import SystemPackage
import Testing

/// A daemon that has to end in the middle of its work.
@Suite(.timeLimit(.minutes(15)))
struct StoppingTests {
  @Test(
    "SIGTERM waits for an image that is nearly done, and hands one that hangs back to the queue",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"), arguments: [false, true])
  func stopping(hanging: Bool) async throws {
    let daemon = try RunningDaemon(detector: "workers = 1", extra: "[policy]\nmode = \"observe\"")
    try daemon.start()
    let path = daemon.uploads.appending("slow.png")
    let waiting = daemon.uploads.appending("waiting.png")
    let bytes = try SampleVariants.slow("stop")
    let saboteur = Saboteur(daemon, on: path, SIGSTOP)
    try daemon.drop(bytes, at: path)
    let scorer = try await daemon.eventually("a stopped scorer") { saboteur.victims.first }
    try daemon.drop(try SampleVariants.slow("wait"), at: waiting)
    let start = ContinuousClock.now
    try daemon.signal(SIGTERM)
    if !hanging { resume(scorer, whenClosed: daemon.socket) }
    #expect(try daemon.wait() == 0)
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(!isAlive(scorer))
    #expect(try Data(contentsOf: URL(filePath: path.string)) == bytes)

    try daemon.start()
    if !hanging { #expect(try daemon.entries(on: path).count == 1, "it had its verdict before the end") }
    for path in [path, waiting] {
      #expect(try await daemon.verdict(on: path)["probability"] as? Double != nil)
      #expect(try daemon.entries(on: path).count == 1)
    }
    #expect(try daemon.stop() == 0)
  }

  /// Lets the scorer go on when the daemon has stopped listening, and waits for its workers. From a thread of its own:
  /// the daemon waits some seconds only, and on a busy machine a task may wait longer for a thread of the pool.
  private func resume(_ scorer: pid_t, whenClosed socket: FilePath) {
    Thread.detachNewThread {
      while (try? ControlConnection(socket)) != nil { usleep(2000) }
      kill(scorer, SIGCONT)
    }
  }
}
