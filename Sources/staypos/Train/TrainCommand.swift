import ArgumentParser
import Training

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train a model on images of your own.",
    subcommands: [TrainHeadCommand.self, TrainBackboneCommand.self])
}

extension TrainingPrecision: ExpressibleByArgument {}
extension AugmentationStrength: ExpressibleByArgument {}
