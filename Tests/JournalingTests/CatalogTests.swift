import Foundation
import Journaling
import StayposCore
import Testing

/// Table, catalog and documentation of the MESSAGE_IDs agree.
struct CatalogTests {
  static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static let fieldNames: Set<String> = [
    "STAYPOS_PATH", "STAYPOS_SHA256", "STAYPOS_VERDICT", "STAYPOS_REASON", "STAYPOS_PROBABILITY", "STAYPOS_LOGIT",
    "STAYPOS_THRESHOLD", "STAYPOS_MODEL", "STAYPOS_QUARANTINE_ID", "STAYPOS_DURATION_USEC", "STAYPOS_PEER_UID",
    "STAYPOS_PEER_PID",
  ]

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Self.repository.appending(path: path), encoding: .utf8)
  }

  @Test func everyKindHasAnIDOfItsOwn() {
    let ids = Event.Kind.allCases.map(\.messageID)
    #expect(Set(ids).count == ids.count)
    for id in ids {
      #expect(id.utf8.count == 32 && id.allSatisfy { $0.isHexDigit && !$0.isUppercase }, "\(id)")
    }
  }

  @Test func theCatalogExplainsEveryKind() throws {
    let entries = try text("systemd/staypos.catalog").components(separatedBy: "\n-- ").dropFirst()
    #expect(entries.map { String($0.prefix(32)) } == Event.Kind.allCases.map(\.messageID))
    for entry in entries {
      let (head, body) = try #require(
        entry.range(of: "\n\n").map { (entry[..<$0.lowerBound], entry[$0.upperBound...]) })
      for header in ["Subject: ", "Defined-By: staypos", "Documentation: man:"] {
        #expect(head.contains("\n\(header)"), "\(head)")
      }
      #expect(body.count > 20)
      for match in body.matches(of: /@([A-Z0-9_]+)@/) {
        #expect(Self.fieldNames.contains(String(match.1)), "\(match.1) is no field of ours")
      }
    }
  }

  @Test func theDocumentationListsEveryKind() throws {
    let page = try text("docs/logging.md")
    for kind in Event.Kind.allCases {
      #expect(page.contains("| `\(kind.rawValue)` | `\(kind.messageID)` |"))
    }
    for field in Self.fieldNames { #expect(page.contains("`\(field)`")) }
  }

  /// systemd's own reader takes the catalog. Needs journalctl.
  @Test(.enabled(if: access("/usr/bin/journalctl", X_OK) == 0, "needs journalctl (package systemd)"))
  func journalctlReadsTheCatalog() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "staypos-catalog-\(UUID())")
    defer { try? FileManager.default.removeItem(at: root) }
    let folder = root.appending(path: "usr/lib/systemd/catalog")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      at: root.appending(path: "var/lib/systemd/catalog"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: Self.repository.appending(path: "systemd/staypos.catalog"), to: folder.appending(path: "staypos.catalog"))
    _ = try run("/usr/bin/journalctl", ["--root=\(root.path)", "--update-catalog"])
    let list = try run("/usr/bin/journalctl", ["--root=\(root.path)", "--list-catalog"])
    #expect(list.split(separator: "\n").count == Event.Kind.allCases.count)
    for kind in Event.Kind.allCases { #expect(list.contains(kind.messageID + " staypos: ")) }
  }
}

/// Runs a program to its end and gives its standard output; fails the test if it fails.
func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
  let process = Process()
  process.executableURL = URL(filePath: program)
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let data = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  #expect(process.terminationStatus == 0, "\(program) \(arguments)")
  return String(decoding: data, as: UTF8.self)
}
