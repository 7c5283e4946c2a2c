import ArgumentParser

struct ModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "Look at model files, make them of checkpoints, describe them, and prepare them for int8.",
    subcommands: [
      ModelInfoCommand.self, ModelVerifyCommand.self, ModelInspectCommand.self, ModelImportCommand.self,
      ModelExportCommand.self, ModelAuditCommand.self, ModelCardCommand.self, ModelQuantizeCommand.self,
    ])
}
