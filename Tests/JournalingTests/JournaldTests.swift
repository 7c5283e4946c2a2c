import Foundation
import Journaling
import StayposCore
import Testing

/// A real journald, a real notification socket, a real socket activation, and an executable of ours between them.
struct JournaldTests {
  /// Beside the test runner's executable.
  private static let probe: String = {
    let runner = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: runner).deletingLastPathComponent().appending(path: "journal-probe").path
  }()

  private static let script = CatalogTests.repository.appending(path: "Tests/Support/run-journald.sh").path

  /// run-journald.sh needs root for a mount namespace, and systemd-journald.
  private static var canRunJournald: Bool {
    geteuid() == 0 && access("/lib/systemd/systemd-journald", X_OK) == 0
  }

  @Test(.enabled(if: canRunJournald, "needs root and systemd-journald"))
  func everyKindOfEventReadBack() throws {
    let command =
      "systemd-cat \(Self.probe) events && journalctl --sync && journalctl -o json -a SYSLOG_IDENTIFIER=journal-probe"
    let lines = try run(Self.script, ["sh", "-c", command]).split(separator: "\n")
    let entries = try lines.map { line in
      try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
    let events = entries.filter { $0["STAYPOS_EVENT"] != nil }
    #expect(events.compactMap { $0["STAYPOS_EVENT"] as? String } == Event.Kind.allCases.map(\.rawValue))
    let hex = String(repeating: "ab", count: 32)
    let name = Array("/up/a\nPRIORITY=0\u{1B}[31m".utf8) + [0xFF]
    for (kind, entry) in zip(Event.Kind.allCases, events) {
      let expected = [
        "MESSAGE": "message of \(kind.rawValue): " + #"/up/a\x0aPRIORITY=0\x1b[31m\xff"#,
        "MESSAGE_ID": kind.messageID, "PRIORITY": "5", "STAYPOS_SHA256": hex, "STAYPOS_VERDICT": "not-scored",
        "STAYPOS_REASON": "corrupt",
        "STAYPOS_PROBABILITY": "\(Score(realScore: 0, fakeScore: 3, bias: -1).probability)",
        "STAYPOS_LOGIT": "2.0", "STAYPOS_THRESHOLD": "0.5", "STAYPOS_MODEL": hex,
        "STAYPOS_QUARANTINE_ID": "19700101T000000Z-0000000000000001", "STAYPOS_DURATION_USEC": "1234",
        "STAYPOS_PEER_UID": "7", "STAYPOS_PEER_PID": "9", "_UID": "0",
      ]
      for (field, value) in expected { #expect(entry[field] as? String == value, "\(kind) \(field)") }
      #expect(entry["STAYPOS_PATH"] as? [UInt8] == name)
    }
    let said = try #require(entries.first { $0["STAYPOS_LOGGER"] != nil })
    #expect(said["MESSAGE"] as? String == #"library \x1b[31mspeaks"#)
    #expect(said["PRIORITY"] as? String == "4")
    #expect(said["STAYPOS_SOME_KEY"] as? String == "value\nMESSAGE=forged")
    #expect(entries.count == events.count + 1)
  }

  /// Standard error that is no journal gets one plain line an entry.
  @Test func plainLinesElsewhere() throws {
    let command = "JOURNAL_STREAM=1:1 exec \(Self.probe) events 2>&1"
    let lines = try run("/bin/sh", ["-c", command]).split(separator: "\n")
    #expect(lines.count == Event.Kind.allCases.count + 1)
    for (kind, line) in zip(Event.Kind.allCases, lines) {
      #expect(line.contains(#" notice: message of \#(kind.rawValue): /up/a\x0aPRIORITY=0\x1b[31m\xff  verdict=not-sc"#))
    }
  }

  @Test func tellsTheServiceManager() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "staypos-notify-\(UUID())").path
    let manager = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
    defer {
      close(manager)
      unlink(path)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(manager, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0)
    let output = try run(
      Self.probe, ["notify"], environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2500000"])
    #expect(output == "watchdog 2500.0\n")
    var messages: [String] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(manager, &buffer, buffer.count, CInt(MSG_DONTWAIT))
      guard count > 0 else { break }
      messages.append(String(decoding: buffer[..<count], as: UTF8.self))
    }
    try #require(messages.count == 4)
    // A line break in a status is no second assignment.
    #expect(messages[0] == "READY=1\nSTATUS=1 root\\x0aSTOPPING=1")
    #expect(messages[1].wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+/) != nil)
    #expect(
      messages[2...] == ["WATCHDOG=1", "STOPPING=1\nSTATUS=bye"])
  }

  @Test func withoutAServiceManagerThereIsNoWatchdog() throws {
    #expect(
      try run(Self.probe, ["notify"], environment: ["NOTIFY_SOCKET": "", "WATCHDOG_USEC": ""]) == "no watchdog\n")
  }

  @Test(.enabled(if: access("/usr/bin/systemd-socket-activate", X_OK) == 0, "needs systemd-socket-activate"))
  func takesTheSocketOver() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "staypos-activate-\(UUID())").path
    defer { unlink(path) }
    // The connection that starts the service is the one it answers.
    let client = """
      import socket, sys, time
      for attempt in range(1000):
          try:
              s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); break
          except OSError: time.sleep(0.01)
      print(s.makefile().read(), end="")
      """
    let command = """
      systemd-socket-activate -l "$1" --fdname=control "$2" activation 2>/dev/null & \
      exec python3 -c "$3" "$1"
      """
    #expect(try run("/bin/sh", ["-c", command, "sh", path, Self.probe, client]) == "clean")
  }
}
