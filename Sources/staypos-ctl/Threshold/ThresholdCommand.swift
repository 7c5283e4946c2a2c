import ArgumentParser
import ControlInterface
import StayposCore

struct ThresholdCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "threshold", abstract: "Show or change the probability from which on an image is flagged.",
    subcommands: [ThresholdShow.self, ThresholdSet.self, ThresholdReset.self], defaultSubcommand: ThresholdShow.self)

  static func print(_ state: ThresholdState, _ printer: Printer) throws(ControlClientError) {
    try printer.single(
      state, [("value", Cell("\(state.value)")), ("origin", Cell(state.origin.rawValue))])
  }
}
