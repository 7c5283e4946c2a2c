import ArgumentParser
import ControlInterface
import StayposCore

struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show all that is known about one verdict.")

  @Argument(help: "The number that `history` shows.")
  var id: Int64

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      let entry = try client.call(.getHistory, HistoryIDCall(id: id), replying: HistoryReply.self).entry
      try printer.single(entry, Self.pairs(entry))
    }
  }

  /// What there is to say; absent things are left out.
  static func pairs(_ entry: HistoryRecord) -> [(String, Cell)] {
    var pairs: [(String, Cell)] = []
    func add(_ name: String, _ value: (some Any)?, prefix: String = "") {
      if let value { pairs.append((name, Cell("\(prefix)\(value)"))) }
    }
    let bound = entry.lowerBound ? "≥" : ""
    add("id", entry.id)
    add("time", entry.time)
    add("path", shown(entry.path, entry.pathBase64))
    add("size", entry.size)
    add("sha256", entry.sha256)
    pairs.append(("verdict", Cell(entry.verdict)))
    add("reason", entry.reason?.rawValue)
    add("detail", entry.detail.map { shown($0) })
    add("probability", entry.probability, prefix: bound)
    add("threshold", entry.threshold)
    add("logit", entry.logit, prefix: bound)
    add("realScore", entry.realScore)
    add("fakeScore", entry.fakeScore, prefix: bound)
    add("bias", entry.bias)
    add("width", entry.width)
    add("height", entry.height)
    add("model", entry.model)
    add("quarantineId", entry.quarantineId)
    if entry.allowed { add("allowed", true) }
    if entry.cached { add("cached", true) }
    add("durationSeconds", entry.durationSeconds)
    return pairs
  }
}
