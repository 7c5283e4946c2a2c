import ArgumentParser
import ControlInterface

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Judge files again.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      _ = try client.call(.resume, replying: NoParameters.self)
      try printer.done("resumed")
    }
  }
}
