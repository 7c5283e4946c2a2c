import ArgumentParser
import ControlInterface

struct ThresholdReset: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Go back to the configuration file's threshold, or else to the model's own.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      try ThresholdCommand.print(try client.call(.resetThreshold, replying: ThresholdReply.self).threshold, printer)
    }
  }
}
