import ArgumentParser
import ControlInterface
import StayposCore

struct ThresholdSet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Set the threshold, from now on and over restarts, until it is reset.")

  @Argument(
    help: "A probability between 0 and 1.",
    transform: { text in
      guard let value = Double(text), let threshold = Threshold(value) else {
        throw ValidationError("a threshold is a number between 0 and 1")
      }
      return threshold
    })
  var value: Threshold

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.withClient { client, printer throws(ControlClientError) in
      let reply = try client.call(
        .setThreshold, SetThresholdCall(value: value.value), replying: ThresholdReply.self)
      try ThresholdCommand.print(reply.threshold, printer)
    }
  }
}
