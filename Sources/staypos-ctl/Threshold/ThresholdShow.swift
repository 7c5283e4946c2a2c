import ArgumentParser
import ControlInterface

struct ThresholdShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the threshold in force and where it comes from: model, file or runtime.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      try ThresholdCommand.print(try client.call(.getThreshold, replying: ThresholdReply.self).threshold, printer)
    }
  }
}
