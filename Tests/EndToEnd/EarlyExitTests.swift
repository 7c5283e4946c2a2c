import Foundation
import StayposCore
import SystemPackage
import Testing

/// `staypos score --early-exit`, and the daemon with `early_exit`.
@Suite struct EarlyExitTests {
  @Test func aBoundIsCalledOne() async throws {
    let fixture = try OfflineToolFixture()
    let image = try fixture.write(OfflineToolFixture.png(width: 6_000, height: 256), named: "image.png")
    func score(_ options: String...) async throws -> BuiltExecutables.Finished {
      let arguments = ["score", "--model", fixture.model.string, "--precision", "fp32"]
      return try await BuiltExecutables.run("staypos", arguments + options + [image.string])
    }
    func record(_ finished: BuiltExecutables.Finished) throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(finished.output.utf8)) as? [String: Any])
    }
    let full = try record(await score("--threshold", "0.45", "--json"))
    #expect(full["lowerBound"] as? Bool == false && full["scannedRows"] as? Int == 256)
    // The bias alone gives 0.44.
    let finished = try await score("--threshold", "0.45", "--early-exit", "--json")
    #expect(finished.exitCode == 1)
    let early = try record(finished)
    #expect(early["verdict"] as? String == "flagged" && early["lowerBound"] as? Bool == true)
    #expect(try #require(early["scannedRows"] as? Int) < 256)
    let (bound, logit) = (try #require(early["logit"] as? Double), try #require(full["logit"] as? Double))
    #expect(bound < logit && bound > -0.25)
    #expect(try await score("--threshold", "0.45", "--early-exit").output.hasPrefix("flagged\t≥0."))

    let clear = try record(await score("--threshold", "1", "--early-exit", "--json"))
    #expect(clear["verdict"] as? String == "clear" && clear["lowerBound"] as? Bool == false)
    #expect(clear["logit"] as? Double == logit)
  }

  @Test func aLinearHeadHasNoBound() async throws {
    let fixture = try OfflineToolFixture(head: "linear")
    let image = try fixture.write(OfflineToolFixture.png(width: 64, height: 64), named: "image.png")
    let finished = try await BuiltExecutables.run(
      "staypos", ["score", "--model", fixture.model.string, "--threshold", "0", "--early-exit", image.string])
    #expect(finished.exitCode == 1 && finished.output.hasPrefix("flagged\t0."))
    #expect(finished.errors.contains("--early-exit has no effect"), "\(finished.errors)")
  }

  @Test func theDaemonKeepsABoundApart() async throws {
    let daemon = try RunningDaemon(
      detector: "precision = \"fp32\"\nthreshold = 0.000001\nearly_exit = true", extra: "[policy]\nmode = \"observe\"")
    try daemon.start()
    let image = try daemon.drop("generated/landscape.jpg", as: "a.jpg")
    let bound = try await daemon.verdicts(1)[0]
    #expect(bound["verdict"] as? String == "flagged" && bound["lowerBound"] as? Bool == true)
    #expect(try await daemon.ctl("history").output.contains("\t≥0."))
    let id = try #require(bound["id"] as? Int)
    #expect(try await daemon.ctl("show", "\(id)").output.contains("≥"))
    #expect(daemon.text(daemon.log).contains("probability≥"))

    // Enough for the same threshold, and not for another.
    let again = try #require(try await daemon.objects("submit", image.string, "--wait").first)
    #expect(again["cached"] as? Bool == true && again["logit"] as? Double == bound["logit"] as? Double)
    #expect(try await daemon.ctl("threshold", "set", "1").exitCode == 0)
    let whole = try #require(try await daemon.objects("submit", image.string, "--wait").first)
    #expect(whole["cached"] as? Bool == false && whole["lowerBound"] as? Bool == false)
    #expect(whole["verdict"] as? String == "clear")
    let (least, full) = (try #require(bound["logit"] as? Double), try #require(whole["logit"] as? Double))
    #expect(least < full)
    #expect(try daemon.stop() == 0)
  }
}
