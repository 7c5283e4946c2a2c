import Foundation
import Glibc
import SystemPackage
import Testing

/// The running daemon and an independent client, PyPI's `varlink`: as root, and as a user without rights.
@Suite(.timeLimit(.minutes(15)))
struct VarlinkTests {
  private static let environment = BuiltExecutables.repository.appending(".build-venv")

  /// `make test-dependencies` installs it.
  private static var hasPackage: Bool {
    let library = environment.appending("lib").string
    return ((try? FileManager.default.contentsOfDirectory(atPath: library)) ?? []).contains {
      FileManager.default.fileExists(atPath: "\(library)/\($0)/site-packages/varlink")
    }
  }

  @Test(
    "An independent client does a day's work; a user without rights reads, changes nothing and is reported",
    .enabled(if: hasPackage, "needs the PyPI package varlink in .build-venv (make test-dependencies)"),
    .enabled(if: geteuid() == 0, "needs root: gives its rights up"))
  func independentClient() async throws {
    let daemon = try RunningDaemon()
    let fake = try daemon.drop("generated/face.png", as: "face.png")
    let real = try daemon.drop("real/cat.png", as: "cat.png")
    try daemon.start()
    _ = try await daemon.verdicts(2)
    // As a submission finds it: restored, and known.
    let id = try #require(try daemon.quarantined().first?["id"] as? String)
    _ = try daemon.call("RestoreQuarantine", ["id": id])
    // Others get as far as the socket.
    #expect(chmod(daemon.directory.string, 0o711) == 0)
    for role in ["admin", "reader"] {
      let process = Process()
      process.executableURL = URL(filePath: Self.environment.appending("bin/python").string)
      process.arguments = [
        BuiltExecutables.repository.appending("Tests/Support/varlink_daemon_client.py").string, role,
        daemon.socket.string, fake.string, real.string,
      ]
      let output = Pipe()
      process.standardOutput = output
      process.standardError = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0 && text == "all is well\n", "\(role): \(text)")
    }
    let status = try daemon.status()
    #expect((status["threshold"] as? [String: Any])?["origin"] as? String == "model")
    #expect(status["state"] as? String == "ready")
    let log = daemon.text(daemon.log)
    #expect(log.contains("SetThreshold refused: neither root nor in admin_group  uid=65534"), "\(log)")
    #expect(try daemon.stop() == 0)
  }
}
