import ControlInterface
import Foundation
import StayposCore
import SystemPackage
import Testing
import Threading

/// staypos-ctl as people and scripts use it.
struct CommandLineTests {
  private func object(_ text: some StringProtocol) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func jsonIsOneObjectOrOneALine() throws {
    let harness = try Harness()
    let status = try harness.control("status", "--json")
    #expect(status.status == 0 && status.lines.count == 1)
    let keys = Set(try object(status.output).keys)
    #expect(
      keys.isSuperset(of: [
        "version", "state", "model", "threshold", "mode", "queueDepth", "inFlight", "counts", "degradations",
      ]))
    let history = try harness.control("history", "--json", "--limit", "120", "--verdict", "flagged", "--since", "2h")
    #expect(history.lines.count == 83)
    #expect(try history.lines.allSatisfy { try object($0)["verdict"] as? String == "flagged" })
    #expect(try harness.control("quarantine", "list", "--json").lines.count == 150)
    #expect(try object(try harness.control("threshold", "set", "0.7", "--json").output)["value"] as? Double == 0.7)
    #expect(try object(try harness.control("threshold", "--json").output)["origin"] as? String == "runtime")
    #expect(try object(try harness.control("threshold", "reset", "--json").output)["origin"] as? String == "model")
    #expect(try object(try harness.control("show", "3", "--json").output)["id"] as? Int == 3)
    #expect(try object(try harness.control("pause", "--json").output).isEmpty)
    #expect(try object(try harness.control("status", "--json").output)["state"] as? String == "paused")
    #expect(try harness.control("queue", "--json", "--limit", "2").lines.count == 2)
  }

  @Test func aPipeGetsTabsAndNoColour() throws {
    let harness = try Harness()
    let history = try harness.control("history", "--limit", "250")
    #expect(history.lines.count == 250)
    #expect(history.lines.allSatisfy { $0.split(separator: "\t").count == 6 })
    #expect(history.lines.last?.hasSuffix(#"/up/\xff"#) == true)
    #expect(!history.output.contains("\u{1B}"))
    let status = try harness.control("status").lines
    #expect(status.first == "state\tready")
    // What is degraded, since when, and what to do.
    #expect(status.contains { $0.hasPrefix("problem\twatch-limit since 2026-") && $0.hasSuffix(": d. r") })
  }

  /// Needs script(1) for a terminal.
  @Test(.enabled(if: access("/usr/bin/script", X_OK) == 0, "needs script (package bsdutils)"))
  func aTerminalGetsColourUnlessToldNotTo() throws {
    let harness = try Harness()
    let command = "\(Harness.control) history --limit 3"
    let coloured = try harness.run("/usr/bin/script", ["-qec", command, "/dev/null"])
    #expect(coloured.output.contains("\u{1B}[31mflagged\u{1B}[0m"))
    #expect(coloured.output.contains("VERDICT"))
    let plain = try harness.run("/usr/bin/env", ["NO_COLOR=1", "script", "-qec", command, "/dev/null"])
    #expect(plain.output.contains("VERDICT") && !plain.output.contains("\u{1B}["))
  }

  @Test func exitStatusSaysHowItWent() throws {
    let harness = try Harness()
    let refused = try harness.control("reload")
    #expect(refused.status == 1)
    #expect(refused.errors == "staypos-ctl: stayposd.toml:3:1: unknown key\n")
    #expect(try harness.control("show", "9999").status == 1)
    #expect(try harness.control("status", "--socket", "/nonexistent/s").status == 2)
    for wrong in [
      ["threshold", "set", "2"], ["threshold", "set", "nan"], ["show", "x"], ["nonsense"], ["history", "--limit", "0"],
      ["history", "--since", "yesterday"], ["quarantine", "restore", "../../etc/passwd"],
    ] {
      #expect(try harness.run(Harness.control, wrong).status == 64, "\(wrong)")
    }
    harness.stop()
    #expect(try harness.control("status").status == 2)
  }

  @Test func commonOptionsStandBeforeTheCommandOrAfterIt() throws {
    let harness = try Harness()
    // STAYPOS_SOCKET names none that answers: the option has to be seen.
    for arguments in [
      ["--socket", harness.socket.string, "--json", "status"], ["--json", "status", "--socket", harness.socket.string],
      ["status", "--json", "--socket=\(harness.socket)"],
    ] {
      let status = try harness.run("/usr/bin/env", ["STAYPOS_SOCKET=/nonexistent", Harness.control] + arguments)
      #expect(status.status == 0, "\(arguments): \(status.errors)")
      #expect(try object(status.output)["state"] as? String == "ready")
    }
    // Also with a command of a command, and with the default one.
    let before = ["--socket", harness.socket.string]
    for command in [["quarantine", "list", "--json"], ["threshold"], ["threshold", "show"], ["allow", "list"]] {
      let found = try harness.run("/usr/bin/env", ["STAYPOS_SOCKET=/nonexistent", Harness.control] + before + command)
      #expect(found.status == 0, "\(command): \(found.errors)")
    }
    #expect(try harness.control("--socket", "/nonexistent/s", "status").status == 2)
    // Behind the terminator it is an argument like any other.
    #expect(try harness.control("rescan", "--", "--socket").status == 0)
  }

  @Test func pathsAreExactAndAbsolute() throws {
    let harness = try Harness()
    // A name that is not UTF-8, given by the shell byte for byte, relative to the working directory.
    let command = #"cd "$1" && exec "$2" submit "$(printf 'a\377 b')""#
    let submitted = try harness.run("/bin/sh", ["-c", command, "sh", harness.directory.string, Harness.control])
    #expect(submitted.status == 0, "\(submitted.errors)")
    let expected = FilePath(bytes: Array("\(harness.directory.string)/a".utf8) + [0xFF] + Array(" b".utf8))
    #expect(harness.service.state.read { $0.submitted } == [expected])
  }

  @Test func allowHashesFiles() throws {
    let harness = try Harness()
    let file = harness.directory.appending("image")
    _ = FileManager.default.createFile(atPath: file.string, contents: Data("abc".utf8))
    // FIPS 180-2, B.1
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(try harness.control("allow", "add", file.string, "--note", "ours").status == 0)
    let list = try harness.control("allow", "list")
    #expect(list.lines.count == 1 && list.output.hasPrefix(digest) && list.output.hasSuffix("\tours\n"))
    #expect(try harness.control("allow", "remove", digest.uppercased()).status == 0)
    // A terminal obeys nothing of it.
    #expect(try harness.control("allow", "add", file.string, "--note", "a\u{9B}31m\u{7F}").status == 0)
    #expect(try harness.control("allow", "list", "--json").output.contains(#""a\u009b31m\u007f""#))
    #expect(try harness.control("allow", "remove", digest).status == 0)
    #expect(try harness.control("allow", "remove", digest).status == 1)
    #expect(try harness.control("allow", "add", "/nonexistent").status == 64)
  }

  @Test func restoresAndDeletes() throws {
    let harness = try Harness()
    let id = QuarantineID(at: FakeService.time, random: 5).description
    #expect(try harness.control("quarantine", "restore", id).output == "path\t/up/5\n")
    #expect(try harness.control("quarantine", "restore", id, "--to", "/up/other").output == "path\t/up/other\n")
    #expect(try harness.control("quarantine", "show", id).lines.first == "id\t\(id)")
    #expect(try harness.control("quarantine", "delete", id).status == 0)
    #expect(try harness.control("quarantine", "delete", FakeService.missing.description).status == 1)
  }
}
