import Foundation
import Subprocess
import SystemPackage
import Testing

/// The installed service under a real systemd, booted in namespaces: Tests/Support/boot-systemd.sh and service-payload.sh.
///
/// Needs root and the right to make namespaces and overlay mounts; skipped where the machine has not got them (a
/// container without privileges, for example).
@Suite(
  "Service under systemd",
  .enabled(if: ServiceBoot.isPossible, "needs root, unshare(1), overlayfs, cgroup v2 and systemd"))
struct ServiceBootTests {
  @Test("Install, start, quarantine, journal, threshold, restore, reload, stop, uninstall", .timeLimit(.minutes(15)))
  func wholeLife() async throws {
    let boot = try await ServiceBoot()
    defer { boot.remove() }
    #expect(boot.status == .exited(0), "the payload stopped: \(boot.text("trace").suffix(2000))")

    // The units.
    #expect(boot.text("verify") == "")
    #expect(boot.text("verify.status") == "0\n")
    #expect(boot.text("security.status") == "0\n", "\(boot.text("security"))")
    #expect(boot.text("check.status") == "0\n", "\(boot.text("check"))")
    #expect(boot.text("catalog").contains("staypos"))
    #expect(boot.text("socket") == "666 root staypos\n")

    // The daemon keeps only the rights that the unit explains, its scorer none.
    let rights: UInt64 = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 28  // CHOWN, DAC_OVERRIDE, FOWNER, LEASE
    #expect(UInt64(boot.text("daemon.capabilities").trimmed, radix: 16) == rights)
    #expect(boot.text("daemon.uid").trimmed != "0")
    let scorer = Dictionary(
      uniqueKeysWithValues: boot.lines("scorer.status").map { line in
        let words = line.split(separator: " ")
        return (String(words[0]), UInt64(words[1], radix: 16))
      })
    #expect(scorer["CapEff"] == 0)
    #expect(scorer["CapPrm"] == 0)
    #expect(scorer["CapAmb"] == 0)
    #expect(scorer["NoNewPrivs"] == 1)
    #expect(scorer["Seccomp"] == 2)

    // One image flagged, one clear.
    let status = try #require(try boot.objects("status.json").first)
    #expect(status["state"] as? String == "ready", "\(status)")
    let history = try boot.objects("history.jsonl")
    #expect(
      Set(history.map { "\($0["path"] ?? "") \($0["verdict"] ?? "")" }) == [
        "/srv/uploads/flagged.jpg flagged", "/srv/uploads/cat.png clear",
      ])
    let quarantined = try boot.objects("quarantine.jsonl")
    #expect(quarantined.map { $0["path"] as? String } == ["/srv/uploads/flagged.jpg"])
    let identifier = try #require(quarantined.first?["id"] as? String)

    // The journal says so, with a message id that the catalog explains.
    let entry = try #require(
      try boot.objects("journal.jsonl").first {
        $0["STAYPOS_QUARANTINE_ID"] as? String == identifier && $0["STAYPOS_EVENT"] as? String == "quarantined"
      })
    #expect(entry["STAYPOS_PATH"] as? String == "/srv/uploads/flagged.jpg")
    #expect(entry["PRIORITY"] as? String == "5")
    let message = try #require(entry["MESSAGE_ID"] as? String)
    #expect(boot.text("catalog").contains(message))

    // Rights over the socket.
    #expect(boot.text("nobody-reads.status") == "0\n", "\(boot.text("nobody-reads"))")
    #expect(boot.text("nobody-changes.status") == "1\n", "\(boot.text("nobody-changes"))")

    // The threshold outlived the restart and was used.
    let threshold = try #require(try boot.objects("threshold.json").first)
    #expect(threshold["value"] as? Double == 0.9999)
    #expect(threshold["origin"] as? String == "runtime")
    let broccoli = try boot.objects("history-after-restart.jsonl")
      .first { $0["path"] as? String == "/srv/uploads/broccoli.jpg" }
    #expect(broccoli?["verdict"] as? String == "clear")

    // Over a restart and over a crash systemd has kept the queue and its map, and each process went on in it.
    #expect(boot.lines("kept") == ["2", "2"])
    #expect(boot.lines("resumed").count == 2)
    #expect(boot.lines("resumed").allSatisfy { $0.contains("took over") }, "\(boot.text("resumed"))")
    let between = try boot.objects("history-after-restart.jsonl").filter {
      ($0["path"] as? String)?.contains("between-") == true
    }
    #expect(between.map { $0["verdict"] as? String } == ["clear", "clear"])

    #expect(boot.text("restored") == "www-data www-data 640 1767323045.678901234\n")
    #expect(boot.text("reload-bad.status") != "0\n")
    #expect(boot.lines("stopped") == ["Result=success", "ExecMainStatus=0", "Result=success", "ExecMainStatus=0"])
    #expect(boot.text("left") == "")
  }
}

/// One run of the payload, and what it left.
private struct ServiceBoot {
  let status: TerminationStatus
  private let output: URL

  static let isPossible: Bool = {
    guard geteuid() == 0 else { return false }
    let probe = Process()
    probe.executableURL = URL(filePath: "/bin/sh")
    probe.arguments = [
      "-c",
      """
      test -x /lib/systemd/systemd && command -v dbus-daemon && grep -qw cgroup2 /proc/mounts &&
      unshare --mount --propagation private sh -c 'mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w /mnt/r &&
      mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r'
      """,
    ]
    probe.standardOutput = FileHandle.nullDevice
    probe.standardError = FileHandle.nullDevice
    guard (try? probe.run()) != nil else { return false }
    probe.waitUntilExit()
    return probe.terminationStatus == 0
  }()

  init() async throws {
    output = FileManager.default.temporaryDirectory.appending(path: "staypos-boot-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    let daemon = try BuiltExecutables.path("stayposd")
    let repository = BuiltExecutables.repository.string
    let executables = BuiltExecutables.directory.string
    let libraries = try await Self.swiftLibraries(of: daemon)
    try """
    REPOSITORY='\(repository)'
    EXECUTABLES='\(executables)'
    LIBRARIES='\(libraries ?? "")'
    """.write(to: output.appending(path: "environment"), atomically: true, encoding: .utf8)
    let support = BuiltExecutables.repository.appending("Tests/Support")
    let arguments = [support.appending("service-payload.sh").string, output.path, repository, executables]
    let result = try await run(
      .path(support.appending("boot-systemd.sh")), arguments: Arguments(arguments + (libraries.map { [$0] } ?? [])),
      output: .discarded, error: .string(limit: 100_000))
    status = result.terminationStatus
    if status != .exited(0) { print("boot-systemd.sh: \(result.standardError)") }
  }

  /// Where a debug build finds the Swift libraries; nil if they are linked in.
  private static func swiftLibraries(of executable: FilePath) async throws -> String? {
    let result = try await run(.name("ldd"), arguments: [executable.string], output: .string(limit: 100_000))
    let line = result.standardOutput.split(separator: "\n").first { $0.contains("libswiftCore.so") }
    guard let path = line?.split(separator: " ").first(where: { $0.hasPrefix("/") }) else { return nil }
    return URL(filePath: String(path)).deletingLastPathComponent().path
  }

  func text(_ name: String) -> String {
    (try? String(contentsOf: output.appending(path: name), encoding: .utf8)) ?? "(\(name) is missing)"
  }

  func lines(_ name: String) -> [String] {
    text(name).split(separator: "\n").map(String.init)
  }

  func objects(_ name: String) throws -> [[String: Any]] {
    try lines(name).compactMap { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
  }

  func remove() {
    try? FileManager.default.removeItem(at: output)
  }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
