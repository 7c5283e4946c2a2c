import ArgumentParser
import Detection
import ImageDecoding
import StayposCore
import SystemPackage

struct ModelVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that a model file works.",
    discussion: """
      Loads the file, checks header, every tensor, and the head, then runs synthetic images through the network twice: \
      the score has to be finite, the same both times, and equal to what the evidence map adds up to.

      With --against, all images of a directory are scored in two precisions: how far the logits are apart, which \
      verdicts differ at the model's threshold, and, if there are images below directories "real" and "generated" (or \
      "fake"), what it does to the average precision.

      EXIT STATUS
        0   everything is in order
        1   something is not; the last line says what
        2   with --against: no image was scored
        64  the command line is wrong

      EXAMPLES
        staypos model verify my.safetensors
        staypos model verify --against fp32 --precision bf16 images/
        staypos model verify --against fp32 --json my.safetensors images/ | jq .logitErrors
      """)

  @Argument(
    help: ArgumentHelp(
      "The model (default: as for staypos score); with --against, the directory comes last.", valueName: "file"))
  var files: [PathArgument] = []

  @OptionGroup var arithmetic: PrecisionOption

  @Option(help: ArgumentHelp("Compare with this precision.", valueName: "type"))
  var against: Precision?

  @Option(help: ArgumentHelp("Threads for one image (default: one for each processor).", valueName: "n"))
  var threads: Int?

  @OptionGroup var limits: LimitOptions

  @Flag(help: "With --against: print one JSON object.")
  var json = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads has to be between 1 and 1024.")
    }
    if let against {
      guard against != .auto else { throw ValidationError("--against needs fp32, bf16 or int8.") }
      guard (1...2).contains(files.count) else {
        throw ValidationError("--against needs a directory of images, and before it perhaps a model.")
      }
    } else {
      guard files.count <= 1 else { throw ValidationError("One model at a time.") }
      guard !json else { throw ValidationError("--json needs --against.") }
    }
  }

  func run() throws {
    if let against, let directory = files.last {
      try compare(with: against, on: directory.path)
    } else {
      try verify()
    }
  }

  private func compare(with against: Precision, on directory: FilePath) throws {
    let comparison: ModelComparison
    do {
      let model = try Model(path: try files.dropLast().first?.path ?? DefaultModel.find())
      comparison = ModelComparison(
        detector: try Detector(model: model, precision: arithmetic.precision, threads: threads),
        reference: try Detector(model: model, precision: against, threads: threads), limits: limits.limits)
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
    guard comparison.detector.precision != comparison.reference.precision else {
      Console.complain("both are \(against.rawValue): name another --precision")
      throw ExitCode.found
    }
    guard let record = try comparison.run(directory) else {
      Console.complain("\(directory.escaped): no image was scored")
      throw ExitCode.notScored
    }
    if json {
      try Console.write(json: record)
    } else {
      for line in record.lines { try Console.write(line: line) }
    }
  }

  private func verify() throws {
    do {
      let path = try files.first?.path ?? DefaultModel.find()
      let model = try Model(path: path)
      try pass("\(path.escaped): \(model.info.name), SHA-256 \(model.info.sha256)")
      try pass("\(model.info.architecture.requiredTensors.count) tensors, \(model.info.parameterCount) parameters")
      try pass("\(model.info.head.rawValue) head, \(model.head.weights.count) weights")
      let detector = try Detector(model: model, precision: arithmetic.precision, threads: threads)
      let smallest = model.info.minimumSize
      for size in [
        ImageSize(width: smallest, height: smallest), ImageSize(width: smallest + 37, height: smallest + 64),
      ] {
        let logit = try check(detector, NoiseImage(size))
        try pass(
          "\(size.width) x \(size.height) pixels of noise in \(detector.precision.rawValue): logit "
            + "\(logit.fixed(6)), twice the same")
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
