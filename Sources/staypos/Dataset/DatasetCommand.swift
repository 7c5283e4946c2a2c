import ArgumentParser

struct DatasetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dataset",
    abstract: "Prepare data sets: aligned fakes, an index, a split without leaks, spurious differences.",
    subcommands: [
      DatasetAlignCommand.self, DatasetIndexCommand.self, DatasetSplitCommand.self, DatasetStatsCommand.self,
    ])
}
