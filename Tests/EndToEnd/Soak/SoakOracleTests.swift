import Foundation
import SystemPackage
import Testing

/// Who judges the judge: everything that it is there to notice, on files of the tests' own.
@Suite struct SoakOracleTests {
  private let daemon: RunningDaemon
  private let outside: FilePath
  private let ledger = SoakLedger()
  private let clear: (path: FilePath, content: SoakContent)
  private let flagged: SoakContent

  /// A clear file in its place, and a flagged one that somebody has deleted; the daemon never runs.
  init() throws {
    daemon = try RunningDaemon()
    outside = daemon.directory.appending("outside")
    for path in [outside, daemon.quarantine] {
      try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: false)
    }
    clear = (daemon.uploads.appending("a"), ledger.begin(.clear("real/coins.png")))
    flagged = ledger.begin(.flagged("generated/face.png"))
    try daemon.drop(try clear.content.bytes(), at: clear.path)
    for content in [clear.content, flagged] { ledger.change(content.number) { $0.names += 1 } }
    ledger.change(flagged.number) { $0.surelyGone += 1 }
  }

  private func entry(_ verdict: String = "clear", id: String? = nil, probability: Double = 0.3) throws -> [String: Any]
  {
    let digest = try SystemTool.run("/usr/bin/sha256sum", [clear.path.string]).prefix(64)
    var entry: [String: Any] = [
      "path": clear.path.string, "verdict": verdict, "sha256": String(digest), "probability": probability,
      "threshold": 0.5, "allowed": false,
    ]
    entry["quarantineId"] = id
    return entry
  }

  private let line = "2026-01-01T00:00:00.000Z info: clear: /a  verdict=clear\n"

  private func problems(_ history: [[String: Any]]? = nil, log: String? = nil, at place: FilePath? = nil) throws -> Int
  {
    var oracle = SoakOracle(
      daemon, outside: outside, accounts: ledger.accounts, places: [place ?? clear.path: clear.content])
    let history = try history ?? [entry()]
    try oracle.judge(history: history, log: log ?? String(repeating: line, count: history.count))
    return oracle.problems.count
  }

  @Test("A good end has no problems, and a flagged file outside is nobody's business")
  func good() throws {
    #expect(try problems() == 0)
    ledger.change(flagged.number) { $0.names += 1 }
    try daemon.drop(try flagged.bytes(), at: outside.appending("b"))
    #expect(try problems() == 0)
  }

  @Test("Lost, doubled, altered, strange and misplaced files are problems")
  func files() throws {
    let other = daemon.uploads.appending("other")
    // Nothing where it should be, and something where nothing should be.
    #expect(try problems(at: other) == 2)
    try daemon.drop(try clear.content.bytes(), at: other)
    // Doubled, and in a place of nobody's.
    #expect(try problems() == 2)
    try daemon.drop(Data("strange".utf8), at: other)
    #expect(try problems() == 1)
    try FileManager.default.removeItem(atPath: other.string)
    let history = [try entry()]
    try daemon.drop(try clear.content.bytes().dropLast(), at: clear.path)
    // Not what anybody wrote, not in its place, and lost.
    #expect(try problems(history) == 3)
    try FileManager.default.removeItem(atPath: clear.path.string)
    #expect(try problems(history) == 2)
  }

  @Test("What was deleted and is there, what is flagged and not moved, and what is left over are problems")
  func flaggedFiles() throws {
    let path = daemon.uploads.appending("b")
    try daemon.drop(try flagged.bytes(), at: path)
    // There again, among the uploads, and without a verdict.
    #expect(try problems() == 3)
    ledger.change(flagged.number) {
      $0.names += 1
      $0.isRestored = true
    }
    #expect(try problems() == 1)
    try FileManager.default.removeItem(atPath: path.string)
    #expect(try problems() == 1)
    ledger.change(flagged.number) { $0.perhapsGone += 1 }
    #expect(try problems() == 0)
    try daemon.drop(Data("left over".utf8), at: daemon.quarantine.appending("x"))
    #expect(try problems() == 1)
  }

  @Test("Missing, false and doubled verdicts are problems, and verdicts without a journal entry")
  func verdicts() throws {
    #expect(try problems([]) == 1)
    #expect(try problems([entry("flagged", probability: 0.7)]) == 1)
    #expect(try problems([entry(probability: 0.7)]) == 1)
    #expect(try problems([entry(id: "x"), entry(id: "x")]) == 1)
    #expect(try problems(log: "") == 1)
    #expect(try problems(log: line + line) == 1)
  }
}

@Suite struct SoakSeriesTests {
  @Test("The slope is that of the whole, whatever bursts there are, and the beginning does not count")
  func slope() {
    var series = SoakSeries("memory", unit: "MiB")
    for second in 0..<300 {
      let isBurst = second % 10 == 0
      series.append(second < 100 ? Double(second) : 100 + Double(second) / 60 + (isBurst ? 50 : 0), at: Double(second))
    }
    #expect(abs(series.slope - 1) < 0.01)
    #expect(abs(series.growth - 199.0 / 60) < 0.1)
    #expect(series.minimum > 100 && series.maximum > 150 && abs(series.median - 103.4) < 0.5)
  }
}
