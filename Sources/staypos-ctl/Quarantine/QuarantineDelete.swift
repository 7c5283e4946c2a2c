import ArgumentParser
import ControlInterface
import StayposCore

struct QuarantineDelete: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Destroy a file and its record; the history keeps its verdict.")

  @Argument(transform: Quarantine.id)
  var id: QuarantineID

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      _ = try client.call(.deleteQuarantine, QuarantineIDCall(id: id), replying: NoParameters.self)
      try printer.done("deleted \(id)")
    }
  }
}
