import ArgumentParser
import Detection
import ImageDecoding
import StayposCore

struct ModelVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that a model file works.",
    discussion: """
      Loads the file, checks header, every tensor, and the head, then runs synthetic images through the network twice: \
      the score has to be finite, the same both times, and equal to what the evidence map adds up to.

      EXIT STATUS
        0   everything is in order
        1   something is not; the last line says what
        64  the command line is wrong

      EXAMPLE
        staypos model verify my.safetensors
      """)

  @Argument(help: ArgumentHelp("The model (default: as for staypos score).", valueName: "file"))
  var file: PathArgument?

  func run() throws {
    do {
      let path = try file?.path ?? DefaultModel.find()
      let model = try Model(path: path)
      try pass("\(path.escaped): \(model.info.name), SHA-256 \(model.info.sha256)")
      try pass("\(model.info.architecture.requiredTensors.count) tensors, \(model.info.parameterCount) parameters")
      try pass("\(model.info.head.rawValue) head, \(model.head.weights.count) weights")
      let detector = try Detector(model: model)
      let smallest = model.info.minimumSize
      for size in [
        ImageSize(width: smallest, height: smallest), ImageSize(width: smallest + 37, height: smallest + 64),
      ] {
        let logit = try check(detector, NoiseImage(size))
        try pass("\(size.width) x \(size.height) pixels of noise: logit \(logit.fixed(6)), twice the same")
      }
    } catch let error as ExitCode {
      throw error
    } catch {
      try Console.write(line: Console.paint("failed", .red) + "  " + Console.printable("\(error)"))
      throw ExitCode.found
    }
  }

  private func pass(_ text: String) throws {
    try Console.write(line: Console.paint("ok", .green) + "      " + Console.printable(text))
  }

  private func check(_ detector: Detector, _ image: NoiseImage) throws -> Double {
    var (once, again) = (image, image)
    let (first, map) = try detector.explain(&once)
    let second = try detector.score(&again)
    guard case .scored(let score, _) = first, let map else { throw Failure("an image of noise was not scored") }
    guard first == second else { throw Failure("the same image was scored twice and the scores differ") }
    let sum = score.fakeScore + score.realScore
    guard abs(map.mean - sum) <= 1e-9 * max(1, abs(score.fakeScore), abs(score.realScore)) else {
      throw Failure("the evidence map's mean \(map.mean) is not the score \(sum)")
    }
    if detector.model.head == .positive, let value = map.values.first(where: { $0 < 0 }) {
      throw Failure("the head is positive, but the evidence map holds \(value): features below zero")
    }
    return score.logit
  }
}
