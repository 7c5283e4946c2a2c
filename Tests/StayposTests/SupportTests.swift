import StayposCore
import SystemPackage
import Testing

@testable import staypos

@Suite struct SupportTests {
  @Test(
    arguments: [
      (0, 4, "0.0000"), (-0.00001, 2, "0.00"), (1.005, 1, "1.0"), (0.9999, 2, "1.00"), (-1.5, 3, "-1.500"),
      (12, 0, "12"),
      (1234.5678, 2, "1234.57"), (.infinity, 2, "inf"),
    ] as [(Double, Int, String)])
  func numbersHaveFixedDigits(_ value: Double, _ digits: Int, _ text: String) {
    #expect(value.fixed(digits) == text)
  }

  @Test func theInstalledModelComesBeforeTheSourceTree() {
    let candidates = DefaultModel.candidates(executable: "/usr/bin/staypos", workingDirectory: "/home/user/staypos")
    #expect(candidates.first == "/usr/share/staypos/models/default.safetensors")
    #expect(candidates.contains("/home/user/staypos/Models/default.safetensors"))
    let built = DefaultModel.candidates(executable: "/src/.build/release/staypos", workingDirectory: nil)
    #expect(built.contains("/src/Models/default.safetensors"))
  }

  @Test func terminalsObeyNothingFromAFile() throws {
    let text = Console.printable("a\u{1B}[31m\nb\u{202E}é")
    #expect(text == #"a\u{1B}[31m\nb\u{202E}é"#)
    #expect(try String(decoding: Console.json(["\u{9B}31m\u{7F}é"]), as: UTF8.self) == #"["\u009b31m\u007fé"]"#)
  }

  /// What was known already says nothing about the time that the rest takes.
  @Test func progressSaysHowLongItTakes() {
    #expect(ProgressBar.line("features", 0, of: 4, elapsed: 9).hasSuffix("] 0/4"))
    #expect(
      ProgressBar.line("features", 30, of: 90, elapsed: 60).hasSuffix("##--------------------] 30/90, 2m00s left"))
    let resumed = ProgressBar.line("scores", 60, of: 100, known: 50, elapsed: 10, note: "loss 0.1")
    #expect(resumed.hasSuffix("] 60/100, 40s left  50 known  loss 0.1"))
    // Of an epoch, 40 by an earlier run, and ten in the ten seconds of this one.
    let goingOn = ProgressBar.line("epoch 2", 50, of: 100, before: 40, elapsed: 10)
    #expect(goingOn.hasSuffix("] 50/100, 50s left"))
    #expect(ProgressBar.line("epoch 2", 40, of: 100, before: 40, elapsed: 1).hasSuffix("] 40/100"))
    #expect(ProgressBar.line("scores", 4, of: 4, elapsed: 9).hasSuffix("[\(String(repeating: "#", count: 30))] 4/4"))
    #expect(ProgressBar.time(59.4) == "59s" && ProgressBar.time(11_220) == "3h07m")
    #expect(ProgressBar.fitted("a long line", columns: 7) == "a long" && ProgressBar.fitted("ab", columns: 7) == "ab")
  }

  /// Any bytes survive the argument parser, those that stand for other bytes included.
  @Test func argumentsKeepTheirBytes() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        if Bool.random(using: &random) {
          bytes.append(UInt8.random(in: 1...255, using: &random))
        } else {
          bytes += Array((["é", "\u{F780}", "\u{F7FF}", "😀", "a"].randomElement(using: &random) ?? "").utf8)
        }
      }
      #expect(RawArguments.bytes(of: RawArguments.carried(bytes)) == bytes, "\(bytes)")
    }
    #expect(RawArguments.carried(Array("plain é".utf8)) == "plain é")
  }
}
