import ArgumentParser

struct ModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "Look at model files, and prepare them for int8.",
    subcommands: [ModelInfoCommand.self, ModelVerifyCommand.self, ModelQuantizeCommand.self])
}
