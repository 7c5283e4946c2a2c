import ArgumentParser
import ControlInterface
import StayposCore

struct QuarantineList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the files in the quarantine, the newest first.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      try printer.list(
        &client, .listQuarantine, of: QuarantineObject.self,
        heading: ["ID", "PROBABILITY", "SIZE", "PATH"]
      ) { object in
        [
          Cell(object.id.description), Cell(probability: object.probability, isLowerBound: object.lowerBound),
          Cell(number: object.size),
          Cell(shown(object.path, object.pathBase64)),
        ]
      }
    }
  }
}
