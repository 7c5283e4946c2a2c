import Foundation
import Glibc
import SystemPackage
import Testing

/// The control socket, its settings, the watchdog and the journal.
@Suite(.timeLimit(.minutes(15)))
struct ControlPitfallTests {
  private static let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"]
  private static var canSwitchUser: Bool {
    geteuid() == 0 && SystemTool.exists("/usr/bin/setpriv", "/usr/bin/python3")
      && (try? SystemTool.run(
        "/usr/bin/setpriv", nobody + [BuiltExecutables.path("staypos-ctl").string, "--version"])) != nil
  }
  private static let needsUser = "needs root, setpriv (util-linux), python3, and a build that others can run"

  @Test(
    "Pitfall 57: a user without rights reads, changes nothing, and is told of",
    .enabled(if: canSwitchUser, "\(needsUser)"))
  func otherUsers() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    // Others get as far as the socket.
    #expect(chmod(daemon.directory.string, 0o711) == 0)
    let path = try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "a.jpg")
    let id = try #require(try await daemon.verdict(on: path)["quarantineId"] as? String)
    let tool = try BuiltExecutables.path("staypos-ctl").string
    func run(_ arguments: String...) throws -> (status: CInt, pid: pid_t, errors: String) {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/setpriv")
      process.arguments = Self.nobody + [tool] + arguments + ["--socket", daemon.socket.string]
      let errors = Pipe()
      process.standardOutput = FileHandle.nullDevice
      process.standardError = errors
      try process.run()
      let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return (process.terminationStatus, process.processIdentifier, text)
    }
    for arguments in ["status", "history", "queue"] { #expect(try run(arguments).status == 0, "\(arguments)") }
    let changes = [
      ["threshold", "set", "0.1"], ["threshold", "reset"], ["pause"], ["resume"], ["reload"], ["rescan"],
      ["submit", path.string], ["quarantine", "restore", id], ["quarantine", "delete", id],
    ]
    var last: pid_t = 0
    for arguments in changes {
      let refused = try { () throws in
        switch arguments.count {
        case 1: try run(arguments[0])
        case 2: try run(arguments[0], arguments[1])
        default: try run(arguments[0], arguments[1], arguments[2])
        }
      }()
      #expect(refused.status == 1, "\(arguments)")
      #expect(
        refused.errors.lowercased().contains("admin_group") || refused.errors.lowercased().contains("permission"),
        "\(refused.errors)")
      last = refused.pid
    }
    #expect(try daemon.quarantined().count == 1)
    #expect((try daemon.status()["threshold"] as? [String: Any])?["origin"] as? String == "model")
    #expect(try daemon.status()["state"] as? String == "ready")
    try await oracle.judge()
    #expect(daemon.text(daemon.log).contains("refused: neither root nor in admin_group  uid=65534 pid=\(last)"))
  }

  /// STAYPOS_CONNECTIONS=5000 is the size of the issue.
  @Test(
    "Pitfall 58: thousands of slow, random and deaf connections take a bounded part, and scoring goes on",
    .enabled(if: canSwitchUser, "\(needsUser)"))
  func connections() async throws {
    let count = Effort.count("STAYPOS_CONNECTIONS", or: 1500)
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    #expect(chmod(daemon.directory.string, 0o711) == 0)
    let (sockets, memory) = (try daemon.openSockets(), try daemon.anonymousMemory())
    let attack = Process()
    attack.executableURL = URL(filePath: "/usr/bin/setpriv")
    attack.arguments =
      Self.nobody + [
        "/usr/bin/python3", BuiltExecutables.repository.appending("Tests/Support/control_attack.py").string,
        daemon.socket.string, "\(count)",
      ]
    let (input, output) = (Pipe(), Pipe())
    attack.standardInput = input
    attack.standardOutput = output
    try attack.run()
    defer { attack.terminate() }
    // Enough for the scorers to be at work all the time.
    for index in 0..<(count < 5000 ? 60 : 800) {
      try oracle.deliver(sample: index % 2 == 0 ? "generated/broccoli-1.jpg" : "real/rocket.jpg", as: "\(index).jpg")
    }
    var times: [Duration] = []
    var most = 0
    var isBusy = true
    while isBusy || times.count < 300 {
      let start = ContinuousClock.now
      let status = try daemon.status()
      times.append(ContinuousClock.now - start)
      isBusy = status["queueDepth"] as? Int != 0 || status["inFlight"] as? Int != 0
      most = max(most, try daemon.openSockets() - sockets)
    }
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    #expect(line.hasPrefix("\(count) "), "\(line)")
    try input.fileHandleForWriting.close()
    attack.waitUntilExit()
    times.sort()
    let (median, percentile) = (times[times.count / 2], times[times.count * 99 / 100])
    Effort.report(
      "status beside \(count) hostile connections and busy scorers: median \(median), p99 \(percentile) of "
        + "\(times.count), longest \(times[times.count - 1]); \(most) sockets")
    #expect(percentile < (BuiltExecutables.isOptimized ? .milliseconds(10) : .seconds(1)), "\(percentile)")
    // 64 connections of one user, those of this test, the scorers', and one that is turned away.
    #expect(most <= 64 + 8, "\(most) sockets")
    #expect(try daemon.anonymousMemory() - memory < 64 << 20)
    try await oracle.judge()
  }

  @Test("Pitfall 59: a monitor that stops reading holds nobody up, and is told how many events it lost")
  func deafMonitor() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let monitor = try ControlConnection(daemon.socket)
    #expect(try monitor.begin("Monitor")["lost"] as? Int == 0)
    let memory = try daemon.anonymousMemory()
    let admin = try ControlConnection(daemon.socket)
    let count = 2500
    for index in 0..<count {
      _ = try admin.call("SetThreshold", ["value": index % 2 == 0 ? 0.25 : 0.75])
      if index % 500 == 0 {
        try oracle.deliver(Data("text \(index)".utf8), as: "\(index)", verdict: "not-scored: unsupported-format")
      }
    }
    _ = try admin.call("ResetThreshold")
    try await daemon.eventually("five verdicts") { try daemon.verdictCount() == 5 ? () : nil }
    #expect(try daemon.anonymousMemory() - memory < 16 << 20)
    var (events, lost) = (0, 0)
    while events + lost < count + 6 {
      let reply = try monitor.next()
      events += reply["event"] == nil ? 0 : 1
      lost += reply["lost"] as? Int ?? 0
    }
    #expect(events > 0 && lost > 0, "\(events) \(lost)")
    try await oracle.judge()
  }

  @Test("Pitfall 60: a bad configuration is refused on reload, shows in status, and changes nothing")
  func badReload() async throws {
    let daemon = try RunningDaemon()
    let oracle = Oracle(daemon)
    try daemon.start()
    let good = daemon.text(daemon.configuration)
    let bad = [
      good + "\nnonsense = 1\n", good.replacing("settle_milliseconds = 50", with: "settle_milliseconds = \"x\""),
      good + "\n[[[", good.replacing(".safetensors", with: ".missing"), "",
      // Half of it may not change while the daemon runs; then none of it does.
      good.replacing("/state\"", with: "/state2\"") + "\n[policy]\nmode = \"observe\"\n",
    ]
    for text in bad {
      try daemon.write(text, to: daemon.configuration)
      let refused = try await daemon.ctl("reload")
      #expect(refused.exitCode == 1 && !refused.errors.isEmpty)
      #expect(try daemon.degradations().keys.contains("configuration"))
      #expect(try daemon.status()["mode"] as? String == "enforce")
    }
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "a.jpg")
    try daemon.write(good, to: daemon.configuration)
    #expect(try await daemon.ctl("reload").exitCode == 0)
    #expect(try daemon.status()["state"] as? String == "ready")
    try await oracle.judge()
  }

  @Test("Pitfall 61: the threshold at run time survives kill -9, shows its origin, can be reset, and is never nonsense")
  func runtimeThreshold() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1")
    func threshold() throws -> (value: Double?, origin: String?) {
      let threshold = try #require(try daemon.status()["threshold"] as? [String: Any])
      return (threshold["value"] as? Double, threshold["origin"] as? String)
    }
    try daemon.start()
    #expect(try threshold().origin == "model")
    #expect(try daemon.stop() == 0)
    try daemon.configure("detector", "threshold = 0.625")
    try daemon.start()
    #expect(try threshold() == (0.625, "file"))
    for value in ["nan", "inf", "-0.1", "1.5", "x", ""] {
      #expect(try await daemon.ctl("threshold", "set", "--", value).exitCode != 0, "\(value)")
    }
    for value in [1.5, -1, 1e300] as [Double] {
      #expect(throws: ControlConnection.Refusal.self) { try daemon.call("SetThreshold", ["value": value]) }
    }
    #expect(throws: ControlConnection.Refusal.self) { try daemon.call("SetThreshold", ["value": "0.5"]) }
    #expect(try threshold() == (0.625, "file"))
    // Whole, and there at once: it was answered.
    for value in [0.125, 0.875, 0.5] {
      _ = try daemon.call("SetThreshold", ["value": value])
      try daemon.signal(SIGKILL)
      _ = try daemon.wait()
      try daemon.start()
      #expect(try threshold() == (value, "runtime"))
    }
    _ = try daemon.call("ResetThreshold")
    #expect(try threshold() == (0.625, "file"))
    try daemon.signal(SIGKILL)
    _ = try daemon.wait()
    try daemon.start()
    #expect(try threshold() == (0.625, "file"))
    #expect(try daemon.stop() == 0)
  }

  @Test(
    "Pitfall 62: the watchdog is fed while scoring is slow (a wedged worker: DaemonTests)",
    .enabled(if: Saboteur.isPossible, "\(Saboteur.reason)"))
  func slowScoring() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1", environment: ["WATCHDOG_USEC": "400000"])
    let oracle = Oracle(daemon)
    let bytes = try SampleVariants.variant(of: "generated/face.png", "slow")
    let path = daemon.uploads.appending("slow.png")
    try await expectSignsOfLife(daemon, whileScoring: bytes, at: path)
    oracle.expect(bytes, at: path, verdict: "flagged")
    try await oracle.judge()
  }

  /// The socket goes at the end: a daemon waits for whoever does not read from it.
  private func expectSignsOfLife(
    _ daemon: RunningDaemon, whileScoring bytes: Data, at path: FilePath
  ) async throws {
    let notify = try daemon.launch()
    while notify.receive(within: 60)?.contains("READY=1") == false {}
    try await daemon.whileScoring(path, drop: { try daemon.drop(bytes, at: path) }) {
      for _ in 0..<8 { #expect(notify.receive(within: 5)?.contains("WATCHDOG=1") == true) }
      let verdicts = try daemon.entries(on: path)
      #expect(verdicts.isEmpty)
    }
  }

  private static var canRunJournald: Bool { geteuid() == 0 && access("/lib/systemd/systemd-journald", X_OK) == 0 }

  @Test(
    "Pitfall 63: a journal that takes nothing holds no scoring up, and the history has every verdict",
    .enabled(if: canRunJournald, "needs root and systemd-journald"))
  func deafJournal() async throws {
    let daemon = try RunningDaemon(
      launcher: [
        BuiltExecutables.repository.appending("Tests/Support/run-journald.sh").string, "systemd-cat",
        "--identifier=other",
      ])
    let oracle = Oracle(daemon)
    try daemon.start()
    let process = pid_t(try #require(try daemon.status()["pid"] as? Int))
    let journald = try #require(
      children(of: daemon.processIdentifier).first {
        daemon.text(FilePath("/proc/\($0)/comm")).hasPrefix("systemd-journal")
      })
    kill(journald, SIGSTOP)
    defer { kill(journald, SIGCONT) }
    // More than the socket holds (net.unix.max_dgram_qlen).
    let length = Int(daemon.text("/proc/sys/net/unix/max_dgram_qlen").filter(\.isNumber)) ?? 10
    for index in 0..<length + 50 {
      try oracle.deliver(Data("text \(index % 20)".utf8), as: "\(index)", verdict: "not-scored: unsupported-format")
    }
    try oracle.deliver(sample: "generated/broccoli-1.jpg", as: "a.jpg")
    try await daemon.eventually("all verdicts", within: 120) {
      try daemon.verdictCount() == oracle.deliveries.count ? () : nil
    }
    #expect(try oracle.problemsOnDisk(try await daemon.history()) == [])
    kill(journald, SIGCONT)
    kill(process, SIGTERM)
    #expect(try daemon.wait() == 0)
  }
}
