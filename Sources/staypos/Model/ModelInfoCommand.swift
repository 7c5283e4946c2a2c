import ArgumentParser
import Detection
import StayposCore

struct ModelInfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Say what a model file is.",
    discussion: """
      Name, identity (the SHA-256 of the file), head, threshold, architecture, preprocessing and card. The whole file is \
      checked first.

      EXAMPLES
        staypos model info Models/default.safetensors
        staypos model info --json my.safetensors | jq .card
      """)

  @Argument(help: ArgumentHelp("The model (default: as for staypos score).", valueName: "file"))
  var file: PathArgument?

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let model: Model
    do {
      model = try Model(path: try file?.path ?? DefaultModel.find())
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
    let record = ModelRecord(model)
    if json {
      try Console.write(json: record)
    } else {
      for (name, value) in record.lines {
        try Console.write(line: Console.printable(name).padded(15) + Console.printable(value))
      }
    }
  }
}
