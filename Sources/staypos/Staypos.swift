import ArgumentParser
import StayposCore

@main
struct Staypos: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "staypos",
    abstract: "Tell AI-generated images from real ones, offline.",
    discussion: """
      Scores images with a positive-head detector, shows where the evidence lies, and looks after model files. It needs \
      no daemon; staypos-ctl speaks to stayposd.

      EXAMPLES
        staypos score photo.jpg                 one verdict
        staypos score --json uploads/ | jq .    a directory, one JSON object a line
        staypos explain photo.jpg -o map.png    where the evidence lies
        staypos model info model.safetensors    what a model is
        staypos evaluate --data testset/        what a model is worth
        staypos train head images/ -o my.safetensors   a head of your own
        staypos bench                           how fast it is here

      See staypos(1).
      """,
    version: "staypos \(StayposVersion.current)",
    subcommands: [
      ScoreCommand.self, ExplainCommand.self, ModelCommand.self, EvaluateCommand.self, RobustnessCommand.self,
      InpaintingCommand.self, DatasetCommand.self, TrainCommand.self, CalibrateCommand.self, BenchCommand.self,
      BenchHeadCommand.self, BenchBackboneCommand.self,
    ])

  static func main() {
    main(RawArguments.current)
  }
}
