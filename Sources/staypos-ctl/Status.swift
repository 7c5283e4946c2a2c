import ArgumentParser
import ControlInterface
import StayposCore

struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show what the daemon does and how well.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      let status = try client.call(.getStatus, replying: StatusReply.self).status
      try printer.single(status, Self.pairs(status))
    }
  }

  static func pairs(_ status: DaemonStatus) -> [(String, Cell)] {
    var pairs: [(String, Cell)] = [
      ("state", Cell(status.state.rawValue, status.state == .ready ? .green : .yellow)),
      ("version", Cell("\(status.version), pid \(status.pid), up \(shown(seconds: status.uptimeSeconds))")),
      ("model", status.model.map { Cell("\(shown($0.name)) \($0.sha256)") } ?? Cell("none", .red)),
      ("threshold", Cell("\(status.threshold.value) (\(status.threshold.origin.rawValue))")),
      ("mode", Cell(status.mode.rawValue)),
      ("queue", Cell(Self.queue(status))),
      (
        "verdicts",
        Cell("\(status.counts.flagged) flagged, \(status.counts.clear) clear, \(status.counts.notScored) not scored")
      ),
      (
        "quarantine",
        Cell("\(counted(status.quarantine.count, "file", "files")), \(shown(bytes: status.quarantine.bytes))")
      ),
      ("sandbox", Cell(shown(status.sandbox))),
    ]
    pairs += status.roots.map { root in
      ("root", Cell("\(shown(root.path, root.pathBase64)): \(root.state)"))
    }
    let lost = status.overflows == 0 ? "" : ", \(counted(status.overflows, "overflow", "overflows"))"
    pairs.append(("watching", Cell(counted(status.watches, "directory", "directories") + lost)))
    pairs += status.pendingWriters.map { writer in
      ("pending", Cell("writer since \(writer.since): \(shown(writer.path, writer.pathBase64))", .yellow))
    }
    pairs += status.scorers.map { scorer in
      ("scorer", Cell("pid \(scorer.pid): \(scorer.state), \(counted(scorer.restarts, "restart", "restarts"))"))
    }
    pairs += status.degradations.map { problem in
      let text = "\(problem.kind) since \(problem.since): \(shown(problem.detail)). \(shown(problem.remedy))"
      return ("problem", Cell(text, .red))
    }
    return pairs
  }

  private static func queue(_ status: DaemonStatus) -> String {
    let oldest = status.oldestQueuedSeconds.map { ", the oldest for \(shown(seconds: $0))" } ?? ""
    return "\(status.queueDepth) waiting\(oldest), \(status.inFlight) in work"
  }
}
