import Foundation
import Subprocess
import SystemPackage
import Testing

/// What `make install` puts beside the executables, judged by the tools that will read it.
@Suite("Service files")
struct ServiceFilesTests {
  private let repository = BuiltExecutables.repository
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "staypos-files-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
  }

  @Test(
    "systemd accepts the units, and their exposure is at most 1.5",
    .enabled(if: isInstalled("systemd-analyze"), "systemd is not installed"))
  func units() async throws {
    defer { remove() }
    // The units name executables below a prefix: an empty script stands for each.
    for name in ["bin/stayposd", "bin/staypos-ctl"] {
      let file = scratch.appending(path: name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("#!/bin/sh\n".utf8).write(to: file)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    }
    for name in ["stayposd.service", "stayposd.socket"] {
      let unit = try text("systemd/\(name)").replacingOccurrences(of: "@PREFIX@", with: scratch.path)
      try unit.write(to: scratch.appending(path: name), atomically: true, encoding: .utf8)
    }
    let verify = try await tool(
      "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "stayposd.service", "stayposd.socket")
    #expect(verify == .init(status: .exited(0), words: ""))
    let security = try await tool("systemd-analyze", "security", "--offline=yes", "--threshold=15", "stayposd.service")
    #expect(security.status == .exited(0), "\(security.words)")
  }

  @Test(
    "systemd accepts the user, the directories and the message catalog",
    .enabled(if: isInstalled("systemd-sysusers"), "systemd is not installed"))
  func accounts() async throws {
    defer { remove() }
    let root = "--root=\(scratch.path)"
    let etc = scratch.appending(path: "etc")
    try FileManager.default.createDirectory(at: etc, withIntermediateDirectories: true)
    // sysusers exits with 0 even where it does not understand a line: it says so, though.
    let users = try await tool("systemd-sysusers", root, "--dry-run", path("systemd/staypos.sysusers"))
    #expect(users.status == .exited(0))
    #expect(users.words.contains("Creating user 'staypos'"), "\(users.words)")
    #expect(!users.words.contains("staypos.sysusers:"), "\(users.words)")

    let catalog = scratch.appending(path: "usr/lib/systemd/catalog")
    try FileManager.default.createDirectory(at: catalog, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      at: scratch.appending(path: "var/lib/systemd/catalog"), withIntermediateDirectories: true)
    try text("systemd/staypos.catalog").write(
      to: catalog.appending(path: "staypos.catalog"), atomically: true, encoding: .utf8)
    let update = try await tool("journalctl", root, "--update-catalog")
    #expect(update == .init(status: .exited(0), words: ""))
  }

  @Test("The manual pages have no flaw that mandoc(1) knows", .enabled(if: isInstalled("mandoc"), "no mandoc"))
  func manuals() async throws {
    defer { remove() }
    let pages = try FileManager.default.contentsOfDirectory(atPath: path("man")).sorted()
    #expect(pages == ["staypos-ctl.1", "staypos-dataset.1", "staypos.1", "stayposd.8", "stayposd.toml.5"])
    for page in pages {
      let lint = try await tool("mandoc", "-T", "lint", "-W", "warning", path("man/\(page)"))
      #expect(lint == .init(status: .exited(0), words: ""))
    }
  }

  @Test("The shipped configuration is valid, also with every default written out")
  func configuration() async throws {
    defer { remove() }
    let shipped = try text("etc/staypos/stayposd.toml")
    let model = "model = \"\(path("Models/default.safetensors"))\""
    let keys = try Regex("(?m)^#([a-z_]+ = )")
    #expect(shipped.matches(of: keys).count >= 17)
    let asIs = shipped.replacing(try Regex("(?m)^#model = .*$"), with: model)
    let writtenOut = asIs.replacing(keys) { String($0.output[1].substring ?? "") }
    for (name, text) in [("as-is.toml", asIs), ("written-out.toml", writtenOut)] {
      let file = scratch.appending(path: name)
      try text.write(to: file, atomically: true, encoding: .utf8)
      let check = try await BuiltExecutables.run("stayposd", ["--check", "--config", file.path])
      #expect(check.exitCode == 0, "\(name): \(check.errors)")
    }
  }

  private struct Outcome: Equatable {
    var status: TerminationStatus
    var words: String
  }

  /// Runs a tool of the system in the scratch directory; what it says on either stream.
  private func tool(_ name: String, _ arguments: String...) async throws -> Outcome {
    let result = try await run(
      .name(name), arguments: Arguments(arguments), workingDirectory: FilePath(scratch.path),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    return Outcome(status: result.terminationStatus, words: result.standardOutput + result.standardError)
  }

  private func path(_ name: String) -> String { repository.appending(name).string }

  private func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  private func remove() { try? FileManager.default.removeItem(at: scratch) }
}

/// Whether a tool is in one of the places where Debian puts it.
private func isInstalled(_ tool: String) -> Bool {
  ["/bin", "/usr/bin", "/sbin", "/usr/sbin"].contains {
    FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)")
  }
}
