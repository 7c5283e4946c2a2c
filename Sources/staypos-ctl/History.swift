import ArgumentParser
import ControlInterface
import StayposCore
import SystemPackage

struct History: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List verdicts, the newest first.")

  @Option(help: "Entries at most.")
  var limit = ControlInterface.defaultLimit

  @Option(
    help: "Only this verdict: flagged, clear or not-scored.",
    transform: { text in
      guard let verdict = Verdict.Name(rawValue: text) else {
        throw ValidationError("a verdict is one of: \(Verdict.Name.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      return verdict
    })
  var verdict: Verdict.Name?

  @Option(
    help: "Only this file, or what lies below this directory.", completion: .file(),
    transform: FilePath.init(absoluteArgument:))
  var path: FilePath?

  @Option(
    help: ArgumentHelp(
      "Not older: 2026-11-21T09:30:00Z, or how long ago: 90s, 15min, 2h, 7d.", valueName: "time"),
    transform: { text in
      guard let time = Timestamp(argument: text) else {
        throw ValidationError("'\(text)' is no time: 2026-11-21T09:30:00Z, or how long ago: 90s, 15min, 2h, 7d")
      }
      return time
    })
  var since: Timestamp?

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit is at least 1") }
  }

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      try printer.list(
        &client, .listHistory, ListHistoryCall(limit: limit, verdict: verdict, path: path, since: since),
        of: HistoryRecord.self, heading: ["ID", "TIME", "VERDICT", "PROBABILITY", "REASON", "PATH"]
      ) { entry in
        [
          Cell(number: entry.id), Cell(entry.time), Cell(entry.verdict),
          Cell(probability: entry.probability, isLowerBound: entry.lowerBound), Cell(entry.reason?.rawValue ?? "-"),
          Cell(shown(entry.path, entry.pathBase64)),
        ]
      }
    }
  }
}
