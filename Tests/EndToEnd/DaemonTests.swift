import Foundation
import Glibc
import SystemPackage
import Testing

/// The built daemon with its scorers and the built staypos-ctl, on real files.
@Suite(.timeLimit(.minutes(15)))
struct DaemonTests {
  @Test("An upload is scored, quarantined, shown, restored and left alone")
  func theMainJob() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    let fake = try daemon.drop("generated/face.png", as: "face.png")
    let real = try daemon.drop("real/cat.png", as: "cat.png")
    let history = try await daemon.verdicts(2)
    let verdicts = Dictionary(uniqueKeysWithValues: history.map { ($0["path"] as! String, $0["verdict"] as! String) })
    #expect(verdicts == [fake.string: "flagged", real.string: "clear"])
    #expect(!daemon.exists(fake))
    #expect(daemon.exists(real))

    let objects = try await daemon.objects("quarantine", "list")
    #expect(objects.map { $0["path"] as? String } == [fake.string])
    let id = try #require(objects.first?["id"] as? String)
    let entry = try #require(history.first { $0["verdict"] as? String == "flagged" })
    #expect(entry["quarantineId"] as? String == id)
    #expect(try #require(entry["probability"] as? Double) >= (entry["threshold"] as! Double))
    #expect(
      try Data(contentsOf: URL(filePath: daemon.quarantine.appending(id).string))
        == RunningDaemon.sample("generated/face.png"))

    #expect(try await daemon.ctl("quarantine", "restore", id).exitCode == 0)
    #expect(try Data(contentsOf: URL(filePath: fake.string)) == RunningDaemon.sample("generated/face.png"))
    // The restored file is known: another file's verdict comes, its own does not come again.
    try daemon.drop("real/rocket.jpg", as: "later.jpg")
    let after = try await daemon.verdicts(3)
    #expect(after.map { $0["path"] as? String }.filter { $0 == fake.string }.count == 1)
    #expect(daemon.exists(fake))
    #expect(try await daemon.objects("quarantine", "list").isEmpty)
    #expect(try daemon.stop() == 0)
  }

  @Test("The threshold changes at run time, survives a restart and can be reset")
  func threshold() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    func threshold() async throws -> [String: Any] {
      try #require(try await daemon.objects("status").first?["threshold"] as? [String: Any])
    }
    #expect(try await threshold()["origin"] as? String == "model")
    for value in ["nan", "1.5", "-0.1"] {
      let code = try await daemon.ctl("threshold", "set", "--", value).exitCode
      #expect(code == 64 || code == 1, "\(value)")
    }
    #expect(try await threshold()["origin"] as? String == "model")
    #expect(try await daemon.ctl("threshold", "set", "0.01").exitCode == 0)
    let real = try daemon.drop("real/cat.png", as: "cat.png")
    let history = try await daemon.verdicts(1)
    #expect(history[0]["verdict"] as? String == "flagged")
    #expect(history[0]["threshold"] as? Double == 0.01)
    #expect(!daemon.exists(real))
    #expect(try daemon.stop() == 0)

    try daemon.start()
    #expect(try await threshold()["value"] as? Double == 0.01)
    #expect(try await threshold()["origin"] as? String == "runtime")
    #expect(try await daemon.ctl("threshold", "reset").exitCode == 0)
    #expect(try await threshold()["origin"] as? String == "model")
    #expect(try daemon.stop() == 0)
  }

  @Test("What was there before the daemon, and what came while it was down, is scored once")
  func backlog() async throws {
    let daemon = try RunningDaemon()
    let deep = daemon.uploads.appending("a/b/c")
    try FileManager.default.createDirectory(atPath: deep.string, withIntermediateDirectories: true)
    try daemon.drop("real/cat.png", as: "a/b/c/before.png")
    try daemon.start()
    _ = try await daemon.verdicts(1)
    #expect(try daemon.stop() == 0)
    try daemon.drop("real/rocket.jpg", as: "a/while-down.jpg")
    try daemon.start()
    _ = try await daemon.verdicts(2)
    #expect(try daemon.stop() == 0)
    try daemon.start()
    try daemon.drop("real/coins.png", as: "last.png")
    let history = try await daemon.verdicts(3)
    #expect(history.count == 3)
    #expect(Set(history.map { $0["path"] as! String }).count == 3)
    #expect(try daemon.stop() == 0)
  }

  @Test("Observe reports and moves nothing; reload switches to enforce; a bad file keeps the old configuration")
  func policyAndReload() async throws {
    let daemon = try RunningDaemon(extra: "[policy]\nmode = \"observe\"")
    try daemon.start()
    let fake = try daemon.drop("generated/face.png", as: "face.png")
    #expect(try await daemon.verdicts(1)[0]["verdict"] as? String == "flagged")
    #expect(daemon.exists(fake))

    let text = daemon.text(daemon.configuration)
    try daemon.write(text + "\nnonsense = 1\n", to: daemon.configuration)
    let refused = try await daemon.ctl("reload")
    #expect(refused.exitCode == 1)
    #expect(refused.errors.contains("nonsense"), "\(refused.errors)")
    let status = try #require(try await daemon.objects("status").first)
    #expect(status["mode"] as? String == "observe")
    #expect(status["state"] as? String == "degraded")

    try daemon.write(text.replacing("observe", with: "enforce"), to: daemon.configuration)
    try daemon.signal(SIGHUP)
    _ = try await daemon.eventually("mode enforce") {
      let status = try await daemon.objects("status").first
      return status?["mode"] as? String == "enforce" && status?["state"] as? String == "ready" ? true : nil
    }
    // Judged already: only a submission judges it again.
    let entry = try #require(try await daemon.objects("submit", fake.string, "--wait").first)
    #expect("\(entry)".contains("flagged"))
    #expect(!daemon.exists(fake))
    #expect(try daemon.stop() == 0)
  }

  @Test("What is queued when its directory is taken out of the configuration stays in its place, unjudged")
  func directoryTakenOut() async throws {
    let daemon = try RunningDaemon(scorer: .standIn)
    let other = daemon.directory.appending("other")
    let kept = other.appending("kept")
    try FileManager.default.createDirectory(atPath: kept.string, withIntermediateDirectories: true)
    let text = daemon.text(daemon.configuration)
    func watch(_ paths: FilePath...) throws {
      let tables = paths.map { "\n[[watch]]\npath = \"\($0)\"\nsettle_milliseconds = 50\n" }
      try daemon.write(text + tables.joined(), to: daemon.configuration)
    }
    try watch(other, kept)
    try daemon.start()
    _ = try daemon.call("Pause")
    let paths = [daemon.uploads, other, kept].map { $0.appending("a") }
    for path in paths { try daemon.drop(Data("score \(path)".utf8), at: path) }
    _ = try await daemon.queued(3)
    try watch(kept)
    _ = try daemon.call("Reload")
    _ = try daemon.call("Resume")
    try await daemon.emptyQueue()
    #expect(Set(try daemon.verdictsByPath().keys) == [paths[0].string, paths[2].string])
    #expect(paths.map(daemon.exists) == [false, true, false])
    #expect(daemon.text(daemon.log).contains("any more"))
    // Put back, it is found again.
    try watch(other, kept)
    _ = try daemon.call("Reload")
    #expect(try await daemon.verdict(on: paths[1])["verdict"] as? String == "flagged")
    #expect(try daemon.stop() == 0)
  }

  @Test("SIGHUP during the start ends nothing: the configuration is read again as soon as the daemon runs")
  func hangupDuringTheStart() async throws {
    // A process that is started from a thread of the pool has most signals blocked.
    let unblock =
      "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); os.execv(sys.argv[1], sys.argv[1:])"
    let daemon = try RunningDaemon(launcher: ["/usr/bin/python3", "-c", unblock])
    try daemon.launch()
    // The scorer that tries the model.
    try await daemon.eventually("a scorer") { daemon.children().isEmpty ? nil : () }
    try daemon.signal(SIGHUP)
    try await daemon.eventually("a reload") {
      try #require(isAlive(daemon.processIdentifier))
      return daemon.text(daemon.log).contains("reloaded") ? () : nil
    }
    #expect(try daemon.stop() == 0)
  }

  @Test("A clock that is set back by hours holds up no file")
  func clockSetBack() async throws {
    let shim = FaultShim()
    defer { shim.remove() }
    let daemon = try RunningDaemon(scorer: .standIn, environment: try shim.environment())
    try daemon.start()
    _ = try daemon.call("Pause")
    let path = daemon.uploads.appending("a")
    try daemon.drop(Data("clear".utf8), at: path)
    _ = try await daemon.queued(1)
    // It is tried again when the writer has had some time to end.
    let writer = try FileDescriptor.open(path, .readWrite)
    _ = try daemon.call("Resume")
    try await daemon.eventually("an attempt") {
      let entries = try daemon.call("ListQueue")["entries"] as? [[String: Any]]
      return (entries?.first?["attempts"] as? Int ?? 0) > 0 ? () : nil
    }
    try shim.setClockBack(by: 7200)
    let status = try daemon.status()
    for key in ["uptimeSeconds", "oldestQueuedSeconds"] { #expect(status[key] as? Double ?? 0 >= 0, "\(key)") }
    try writer.close()
    #expect(try await daemon.verdict(on: path, within: 60)["verdict"] as? String == "clear")
    #expect(try daemon.stop() == 0)
  }

  @Test("A scorer that is killed or hangs costs nothing but time")
  func scorerFaults() async throws {
    let daemon = try RunningDaemon(detector: "workers = 1\ntimeout_seconds = 2")
    try daemon.start()
    func scorer() async throws -> pid_t {
      try await daemon.eventually("a scorer") {
        let scorers = try await daemon.objects("status").first?["scorers"] as? [[String: Any]]
        let pid = scorers?.first?["pid"] as? Int
        return pid.flatMap { $0 > 0 ? pid_t($0) : nil }
      }
    }
    let first = try await scorer()
    kill(first, SIGKILL)
    try daemon.drop("real/cat.png", as: "after-kill.png")
    #expect(try await daemon.verdicts(1)[0]["verdict"] as? String == "clear")
    let second = try await scorer()
    #expect(second != first)
    kill(second, SIGSTOP)
    try daemon.drop("real/coins.png", as: "after-stop.png")
    #expect(try await daemon.verdicts(2)[1]["verdict"] as? String == "clear")
    #expect(try await scorer() != second)
    #expect(try daemon.stop() == 0)
  }

  @Test("What cannot be scored has its own verdict and stays")
  func notScored() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    let whole = try RunningDaemon.sample("generated/face.png")
    let cases: [(String, Data, String)] = [
      ("empty.png", Data(), "empty"), ("text.jpg", Data("hello".utf8), "unsupported-format"),
      ("half.png", whole.prefix(whole.count / 2), "truncated"),
    ]
    for (name, bytes, _) in cases {
      try bytes.write(to: URL(filePath: daemon.uploads.appending(name).string))
    }
    let history = try await daemon.verdicts(cases.count)
    for (name, _, reason) in cases {
      let path = daemon.uploads.appending(name)
      let entry = try #require(history.first { $0["path"] as? String == path.string })
      #expect(entry["verdict"] as? String == "not-scored")
      #expect(entry["reason"] as? String == reason, "\(entry)")
      #expect(daemon.exists(path))
    }
    #expect(try await daemon.objects("quarantine", "list").isEmpty)
    #expect(try daemon.stop() == 0)
  }

  @Test("The allowlist, a pause, and a deletion")
  func smallerCommands() async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    let sample = BuiltExecutables.repository.appending("Samples/generated/face.png")
    #expect(try await daemon.ctl("allow", "add", sample.string).exitCode == 0)
    let allowed = try daemon.drop("generated/face.png", as: "allowed.png")
    #expect(try await daemon.verdicts(1)[0]["verdict"] as? String == "clear")
    #expect(daemon.exists(allowed))

    #expect(try await daemon.ctl("pause").exitCode == 0)
    let fake = try daemon.drop("generated/broccoli-1.jpg", as: "paused.jpg")
    _ = try await daemon.eventually("a queued file") {
      let status = try await daemon.objects("status").first
      return status?["queueDepth"] as? Int == 1 && status?["state"] as? String == "paused" ? true : nil
    }
    #expect(try await daemon.objects("queue").map { $0["path"] as? String } == [fake.string])
    #expect(try await daemon.ctl("resume").exitCode == 0)
    #expect(try await daemon.verdicts(2)[1]["verdict"] as? String == "flagged")

    let id = try #require(try await daemon.objects("quarantine", "list").first?["id"] as? String)
    #expect(try await daemon.ctl("quarantine", "delete", id).exitCode == 0)
    #expect(try await daemon.ctl("quarantine", "show", id).exitCode == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: daemon.quarantine.string) == [])
    #expect(try daemon.stop() == 0)
    #expect(try await daemon.ctl("status").exitCode == 2)
  }

  @Test("A daemon that waits has no timer running", arguments: [false, true])
  func noTimers(afterReload isReloaded: Bool) async throws {
    let daemon = try RunningDaemon()
    try daemon.start()
    try daemon.drop("real/cat.png", as: "cat.png")
    _ = try await daemon.verdicts(1)
    if isReloaded {
      try daemon.signal(SIGHUP)
      try await daemon.eventually("a reload") { daemon.text(daemon.log).contains("reloaded") ? () : nil }
    }
    // timerfd_create(2): it_value is zero if nothing is to come.
    let descriptors = FilePath("/proc/\(daemon.processIdentifier)/fdinfo")
    let armed = try FileManager.default.contentsOfDirectory(atPath: descriptors.string).map {
      daemon.text(descriptors.appending($0))
    }.filter { $0.contains("it_value:") && !$0.contains("it_value: (0, 0)") }
    #expect(armed == [])
    #expect(try daemon.stop() == 0)
  }

  @Test("A mistake at the start says what to do")
  func startErrors() async throws {
    let daemon = try RunningDaemon()
    let text = daemon.text(daemon.configuration)
    let model = BuiltExecutables.model.string
    for (change, expected) in [
      (text.replacing(model, with: model + ".missing"), "detector.model"),
      (text.replacing(model, with: "\(BuiltExecutables.repository)/README.md"), "detector.model"),
      (text + "\n[detectr]\n", "unknown key"),
    ] {
      try daemon.write(change, to: daemon.configuration)
      for arguments in [["--check"], []] {
        let finished = try await BuiltExecutables.run(
          "stayposd", ["--config", daemon.configuration.string] + arguments)
        #expect(finished.exitCode == 78)
        #expect(finished.errors.contains(expected), "\(arguments): \(finished.errors)")
      }
    }
    try daemon.write(text, to: daemon.configuration)
    let check = try await BuiltExecutables.run("stayposd", ["--config", daemon.configuration.string, "--check"])
    #expect(check.exitCode == 0, "\(check.errors)")
    #expect(check.output.contains("staypos-lite0"))
    #expect(!daemon.exists(daemon.state), "--check leaves nothing behind")

    // Nothing is wrong with the configuration of a second daemon: the next attempt may go better.
    try daemon.start()
    let second = try await BuiltExecutables.run("stayposd", ["--config", daemon.configuration.string])
    #expect(second.exitCode == 1)
    #expect(second.errors.contains("another stayposd"), "\(second.errors)")
    #expect(try daemon.stop() == 0)
  }
}
