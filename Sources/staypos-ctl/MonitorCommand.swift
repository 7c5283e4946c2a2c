import ArgumentParser
import ControlInterface
import Glibc
import StayposCore

struct MonitorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monitor", abstract: "Print events as they happen, until interrupted.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      try client.stream(.monitor, replying: MonitorReply.self) { reply throws(ControlClientError) in
        if reply.lost > 0 { writeError("\(reply.lost) events were lost: they came faster than they were read") }
        guard let event = reply.event else { return true }
        if case .json = printer.form {
          try printer.line(event)
        } else {
          writeAll(STDOUT_FILENO, Table(heading: nil, rows: [Self.row(event)]).text(printer.form))
        }
        return true
      }
    }
  }

  static func row(_ event: EventRecord) -> [Cell] {
    let style: Cell.Style =
      switch event.level {
      case .error: .red
      case .warning: .yellow
      case .notice: .bold
      case .info, .debug: .none
      }
    return [
      Cell(event.time, .faint), Cell(event.event, style), Cell(shown(event.message)),
      Cell(event.path.map { shown($0, event.pathBase64) } ?? "-"),
    ]
  }
}
