import Foundation
import Glibc
import Journaling
import StayposCore
import SystemPackage
import Testing

/// The daemon under a systemd-journald of its own, and what `journalctl` reads back.
@Suite(.timeLimit(.minutes(15)))
struct JournalTests {
  /// Support/run-journald.sh needs root for a mount namespace, and systemd-journald.
  private static var canRunJournald: Bool {
    geteuid() == 0 && access("/lib/systemd/systemd-journald", X_OK) == 0
  }

  @Test(
    "Every event of a day's work is in the journal with its fields",
    .enabled(if: canRunJournald, "needs root and systemd-journald"))
  func readBack() async throws {
    let output = FilePath("/tmp/staypos-journal-\(UUID()).json")
    defer { unlink(output.string) }
    // Standard error goes to the journal, as under systemd; what was written is read before this journald ends.
    let script = """
      output=$1; shift
      systemd-cat --identifier=other "$@"; status=$?
      journalctl --sync && journalctl -o json -a SYSLOG_IDENTIFIER=stayposd >"$output"
      exit $status
      """
    let daemon = try RunningDaemon(
      detector: "workers = 1",
      launcher: [
        BuiltExecutables.repository.appending("Tests/Support/run-journald.sh").string, "sh", "-c", script, "sh",
        output.string,
      ])
    try daemon.start()
    let process = try #require(try daemon.status()["pid"] as? Int)

    // Flagged, with a name that is neither UTF-8 nor a single line.
    let name = Array("evil\nMESSAGE=forged\u{1B}[31m".utf8) + [0xFF, 0xC3, 0x28]
    let fake = daemon.uploads.appending(try #require(FilePath.Component(bytes: name)))
    let fakeBytes = try SampleVariants.variant(of: "generated/face.png", "journal")
    try daemon.drop(fakeBytes, at: fake)
    let real = try daemon.drop("real/cat.png", as: "cat.png")
    _ = try await daemon.verdict(on: real)
    let text = daemon.uploads.appending("text")
    try daemon.drop(Data("text".utf8), at: text)
    _ = try await daemon.verdict(on: text)
    _ = try await daemon.verdicts(3)

    let id = try #require(try daemon.quarantined().first?["id"] as? String)
    _ = try daemon.call("RestoreQuarantine", ["id": id, "to": daemon.uploads.appending("back.png").string])
    _ = try daemon.call("SetThreshold", ["value": 0.75])
    _ = try daemon.call("Pause")
    _ = try daemon.call("Resume")
    _ = try daemon.call("AddAllow", ["sha256": String(repeating: "ab", count: 32), "note": "logo"])
    let configuration = daemon.text(daemon.configuration)
    try daemon.write(configuration + "\nnonsense = 1\n", to: daemon.configuration)
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("Reload") }
    try daemon.write(configuration, to: daemon.configuration)
    _ = try daemon.call("Reload")
    let second = try daemon.drop("generated/broccoli-1.jpg", as: "second.jpg")
    let flagged = try #require(try await daemon.verdict(on: second)["quarantineId"] as? String)
    _ = try daemon.call("DeleteQuarantine", ["id": flagged])
    let history = try await daemon.history()
    kill(pid_t(process), SIGTERM)
    #expect(try daemon.wait() == 0)

    let entries = try daemon.text(output).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    func entry(_ kind: Event.Kind, _ number: Int = 0) throws -> [String: Any] {
      let ofKind = entries.filter { $0["STAYPOS_EVENT"] as? String == kind.rawValue }
      try #require(ofKind.count > number, "\(kind): \(ofKind.count)")
      #expect(ofKind.allSatisfy { $0["MESSAGE_ID"] as? String == kind.messageID })
      #expect(ofKind.allSatisfy { $0["_PID"] as? String == "\(process)" && $0["_UID"] as? String == "0" })
      return ofKind[number]
    }
    func expect(_ entry: [String: Any], _ fields: [String: String]) {
      for (field, value) in fields {
        #expect(entry[field] as? String == value, "\(entry["STAYPOS_EVENT"] ?? "") \(field)")
      }
    }
    let hashes = try await sha256([fakeBytes, RunningDaemon.sample("real/cat.png"), Data("text".utf8)])
    let status = history.first { $0["path"] as? String == real.string }
    let model = try #require(status?["model"] as? String)

    let quarantined = try entry(.quarantined)
    #expect(quarantined["STAYPOS_PATH"] as? [Int] == fake.bytes.map(Int.init))
    expect(
      quarantined,
      [
        "PRIORITY": "5", "STAYPOS_VERDICT": "flagged", "STAYPOS_SHA256": hashes[0], "STAYPOS_QUARANTINE_ID": id,
        "STAYPOS_MODEL": model,
        "MESSAGE": "flagged and moved to the quarantine: "
          + daemon.uploads.string + #"/evil\x0aMESSAGE=forged\x1b[31m\xff\xc3("#,
      ])
    let record = try #require(history.first { $0["sha256"] as? String == hashes[0] })
    for (field, key) in [
      ("STAYPOS_PROBABILITY", "probability"), ("STAYPOS_LOGIT", "logit"), ("STAYPOS_THRESHOLD", "threshold"),
    ] {
      let value = try #require((quarantined[field] as? String).flatMap(Double.init))
      // JSONSerialization is off by one in the last place at times.
      #expect(abs(value - (record[key] as? Double ?? .infinity)) < 1e-12, "\(field)")
    }
    #expect((quarantined["STAYPOS_DURATION_USEC"] as? String).flatMap(Int.init) ?? 0 > 0)
    expect(
      try entry(.clear),
      [
        "PRIORITY": "6", "STAYPOS_PATH": real.string, "STAYPOS_VERDICT": "clear", "STAYPOS_SHA256": hashes[1],
        "STAYPOS_MODEL": model,
      ])
    expect(
      try entry(.notScored),
      [
        "PRIORITY": "5", "STAYPOS_PATH": text.string, "STAYPOS_VERDICT": "not-scored",
        "STAYPOS_REASON": "unsupported-format", "STAYPOS_SHA256": hashes[2],
      ])
    // Who asked: this process.
    let peer = ["STAYPOS_PEER_UID": "0", "STAYPOS_PEER_PID": "\(getpid())"]
    expect(
      try entry(.restored),
      [
        "STAYPOS_PATH": daemon.uploads.appending("back.png").string, "STAYPOS_QUARANTINE_ID": id,
        "STAYPOS_SHA256": hashes[0], "PRIORITY": "5",
      ].merging(peer) { $1 })
    expect(try entry(.thresholdChanged), ["STAYPOS_THRESHOLD": "0.75", "PRIORITY": "5"].merging(peer) { $1 })
    expect(try entry(.paused), peer)
    expect(try entry(.resumed), peer)
    expect(
      try entry(.allowlistChanged), ["STAYPOS_SHA256": String(repeating: "ab", count: 32)].merging(peer) { $1 })
    #expect((try entry(.reloadFailed)["MESSAGE"] as? String)?.contains("nonsense") == true)
    expect(try entry(.reloadFailed), ["PRIORITY": "3"])
    expect(try entry(.degraded), ["PRIORITY": "4"])
    expect(try entry(.recovered), ["PRIORITY": "5"])
    expect(try entry(.reloaded), ["STAYPOS_THRESHOLD": "0.75"])
    expect(
      try entry(.deleted), ["STAYPOS_PATH": second.string, "STAYPOS_QUARANTINE_ID": flagged].merging(peer) { $1 })
    expect(try entry(.started), ["STAYPOS_MODEL": model, "PRIORITY": "5"])
    expect(try entry(.watchStarted), ["PRIORITY": "6"])
    expect(try entry(.stopped), ["PRIORITY": "5"])
    #expect(!entries.contains { $0["MESSAGE"] as? String == "forged" })
  }

  /// By coreutils, not by us.
  private func sha256(_ contents: [Data]) async throws -> [String] {
    try contents.map { bytes in
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/sha256sum")
      let (input, output) = (Pipe(), Pipe())
      process.standardInput = input
      process.standardOutput = output
      try process.run()
      try input.fileHandleForWriting.write(contentsOf: bytes)
      try input.fileHandleForWriting.close()
      let line = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return String(line.prefix(64))
    }
  }
}

extension FilePath.Component {
  fileprivate init?(bytes: [UInt8]) {
    self.init(platformString: bytes.map { CChar(bitPattern: $0) } + [0])
  }
}
