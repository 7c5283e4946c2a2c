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
    if !hanging {
      // It has stopped listening, and waits for its workers.
      _ = try await daemon.eventually("the end of the control socket") {
        (try? ControlConnection(daemon.socket)) == nil ? true : nil
      }
      kill(scorer, SIGCONT)
    }
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
}
