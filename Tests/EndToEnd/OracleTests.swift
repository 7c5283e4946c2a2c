import Foundation
import SystemPackage
import Testing

/// Who judges the judge: everything that it is there to notice, on files of the tests' own.
@Suite struct OracleTests {
  private let daemon: RunningDaemon
  private let oracle: Oracle
  private let bytes = Data("picture".utf8)
  private let digest = "1665a2d54b9cd55d9ce0ecd4bf5b1bc3acd4ff8bc4ea0aba2b3b0ba5ff6ea3e1"

  /// A clear file in its place; the daemon never runs.
  init() throws {
    daemon = try RunningDaemon()
    oracle = Oracle(daemon)
    try oracle.deliver(bytes, as: "a", verdict: "clear")
  }

  private func entry(_ verdict: String = "clear", sha256: String? = nil) throws -> [String: Any] {
    let path = daemon.uploads.appending("a").string
    let own = try SystemTool.run("/usr/bin/sha256sum", [path]).prefix(64)
    return ["path": path, "verdict": verdict, "sha256": sha256 ?? String(own)]
  }

  private func line(_ verdict: String = "clear") -> String {
    "2026-01-01T00:00:00.000Z info: \(verdict): \(daemon.uploads.appending("a"))  verdict=\(verdict) logit=1\n"
  }

  @Test("A good end has no problems")
  func good() throws {
    #expect(try oracle.problemsOnDisk([entry()]) == [])
    #expect(oracle.problemsInLog(line() + "2026-01-01T00:00:00.000Z info: something else\n", .one) == [])
    #expect(oracle.problemsInLog("", .atMostOne) == [])
  }

  @Test("Lost, altered, strange and doubled files are problems")
  func files() throws {
    let path = daemon.uploads.appending("a")
    try daemon.drop(Data("strange".utf8), at: daemon.uploads.appending("b"))
    #expect(try oracle.problemsOnDisk([entry()]).count == 1)
    try FileManager.default.removeItem(atPath: daemon.uploads.appending("b").string)
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path.string)
    #expect(try oracle.problemsOnDisk([entry()]).count == 1)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path.string)
    let good = try entry()
    try daemon.drop(Data("Picture".utf8), at: path)
    // Its bytes, its time, and a verdict that is not on them.
    #expect(try oracle.problemsOnDisk([good]).count == 3)
    try FileManager.default.removeItem(atPath: path.string)
    #expect(try oracle.problemsOnDisk([good]).count == 1)
    try FileManager.default.createDirectory(atPath: daemon.quarantine.string, withIntermediateDirectories: false)
    try daemon.drop(bytes, at: daemon.quarantine.appending("left over"))
    #expect(try oracle.problemsOnDisk([good]).count == 2)
  }

  @Test("Missing, doubled and false verdicts are problems, in the history and in the log")
  func verdicts() throws {
    #expect(try oracle.problemsOnDisk([]).count == 2)
    #expect(try oracle.problemsOnDisk([entry(), entry()]).count == 1)
    #expect(try oracle.problemsOnDisk([entry(), entry("flagged")]).count == 1)
    #expect(try oracle.problemsOnDisk([entry("flagged")]).count == 2)
    #expect(try oracle.problemsOnDisk([entry(sha256: digest)]).count == 1)
    #expect(oracle.problemsInLog("", .one).count == 1)
    for journal in [Oracle.Journal.one, .atMostOne] {
      #expect(oracle.problemsInLog(line() + line(), journal).count == 1)
      #expect(oracle.problemsInLog(line("flagged"), journal).count == 1)
    }
    // What failed is no verdict.
    #expect(oracle.problemsInLog(line() + line("flagged").replacing(" info: ", with: " error: "), .one) == [])
  }
}
