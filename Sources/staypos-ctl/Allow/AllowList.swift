import ArgumentParser
import ControlInterface
import StayposCore

struct AllowList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the contents that are clear without scoring.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      try printer.list(
        &client, .listAllow, of: AllowRecord.self, heading: ["SHA-256", "SINCE", "NOTE"]
      ) { entry in
        [Cell(entry.sha256.description), Cell(entry.time), Cell(shown(entry.note))]
      }
    }
  }
}
