import ArgumentParser
import Detection
import Filesystem
import Hashing
import StayposCore
import SystemPackage
import Training

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Set a model's threshold by a false-positive rate on real images.",
    discussion: """
      Scores real images and writes a copy of the model whose threshold flags the wished share of them. How far the rate \
      on other images of the same kind may be from that is said with it: the interval of Clopper and Pearson, which \
      assumes nothing but that the images are a fair sample. With --guarantee the threshold is the lowest one whose rate \
      is not above the wished one with that confidence; this takes many images (for 1 % at 95 % at least 299).

      With --scores, what staypos score --json or staypos-ctl history --json has printed is taken instead of images: the \
      daemon's own scores of real uploads, for example, after some days in observe mode. Without --output nothing is \
      written, and the threshold is only said.

      With --temperature and generated images as well, the logits are divided by the number for which probabilities fit \
      best, both classes counting the same. No image's rank changes. The head's weights and bias are divided by it, so \
      that the file stays an ordinary model.

      EXIT STATUS
        0   the threshold was found, and the model written
        1   it was not
        64  the command line is wrong

      EXAMPLES
        staypos calibrate --false-positive-rate 0.01 photos/ --output calibrated.safetensors
        staypos calibrate --false-positive-rate 0.001 --guarantee photos/ -o calibrated.safetensors
        staypos calibrate --false-positive-rate 0.01 photos/ --generated fakes/ --temperature -o calibrated.safetensors
        staypos-ctl history --limit 100000 --json | staypos calibrate --false-positive-rate 0.01 --scores - --plot rate.svg
      """)

  @Argument(help: ArgumentHelp("Real images, or directories of them.", valueName: "reals"))
  var reals: [PathArgument] = []

  @Option(help: ArgumentHelp("Scores of real images, one JSON object a line; - is standard input.", valueName: "file"))
  var scores: [PathArgument] = []

  @Option(help: ArgumentHelp("The share of real images that may be flagged.", valueName: "x"))
  var falsePositiveRate: Double

  @Option(
    name: [.short, .long], help: ArgumentHelp("Where the model goes; replaced if it is there.", valueName: "file"))
  var output: PathArgument?

  @Option(help: ArgumentHelp("Draw which share of the images each threshold flags, as SVG.", valueName: "file"))
  var plot: PathArgument?

  @Option(help: ArgumentHelp("Generated images, or a directory of them.", valueName: "path"))
  var generated: [PathArgument] = []

  @Flag(help: "Fit the probabilities' temperature; needs --generated.")
  var temperature = false

  @Flag(help: "Keep the rate below the wished one with --confidence, not only among these images.")
  var guarantee = false

  @Option(help: ArgumentHelp("Of the intervals.", valueName: "x"))
  var confidence = 0.95

  @Option(help: ArgumentHelp("The model's name (default: as it was).", valueName: "text"))
  var name: String?

  @OptionGroup var features: FeatureOptions

  // The threshold is for scores of the daemon and of `staypos score`, which have the same default.
  @OptionGroup var arithmetic: PrecisionOption

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard falsePositiveRate >= 0, falsePositiveRate < 1 else {
      throw ValidationError("--false-positive-rate has to be from 0 to 1.")
    }
    guard confidence > 0, confidence < 1 else { throw ValidationError("--confidence has to be between 0 and 1.") }
    guard reals.isEmpty != scores.isEmpty else {
      throw ValidationError("Name real images, or their --scores, but not both.")
    }
    if !scores.isEmpty, !generated.isEmpty { throw ValidationError("--generated needs real images, not --scores.") }
    if temperature, generated.isEmpty { throw ValidationError("--temperature needs --generated.") }
  }

  func run() throws {
    do {
      try calibrate()
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }

  private func calibrate() throws {
    let sample = try scores.isEmpty ? sampleOfImages() : sampleOfScores()
    guard
      let point = OperatingPoint(
        logits: sample.real, falsePositiveRate: falsePositiveRate, confidence: confidence, isGuaranteed: guarantee)
    else { throw Failure(noGuarantee(sample.real.count)) }
    let record = CalibrationRecord(
      name: name ?? sample.name, base: sample.model, precision: sample.precision, rate: falsePositiveRate,
      isGuaranteed: guarantee, point: point,
      temperature: sample.temperature, generated: sample.generated, notScored: sample.notScored)
    if let output { try write(record, point, sample.head, to: output.path) }
    if let plot {
      let picture = RatePlot(sample.real, at: point, wished: falsePositiveRate, name: record.name)
      try OutputFile.write(Array(picture.svg.utf8), to: plot.path)
    }
    if json {
      try Console.write(json: record)
    } else {
      for line in record.lines { try Console.write(line: line) }
    }
  }

  private func write(_ record: CalibrationRecord, _ point: OperatingPoint, _ head: Head?, to output: FilePath) throws {
    let path = try features.path()
    let model = try Model(path: path)
    guard model.info.sha256 == record.base else {
      throw Failure("the scores are those of another model, \(record.base): name its file with --model")
    }
    var revision = ModelRevision(of: model, at: path)
    (revision.name, revision.threshold) = (record.name, point.threshold)
    if let head { revision.head = head }
    var card = ModelCard(model.info.card)
    card["calibration"] = JSONValue(encoding: record)
    revision.card = card.text
    try revision.write(to: output)
  }

  /// Logits, and whose they are.
  private struct Sample {
    var name: String
    var model: SHA256Digest
    var precision: Precision?
    var real: [Double]
    var generated: [Double] = []
    var notScored: Int
    /// Nil: the model's own.
    var head: Head?
    var temperature: Temperature?
  }

  private func sampleOfScores() throws -> Sample {
    let lines = try ScoreLines(scores.map(\.path))
    guard let model = lines.model else { throw Failure("there is no score to learn from") }
    // Its file is not needed to find a threshold.
    let name = try output == nil ? "model \(model.description.prefix(12))" : Model(path: features.path()).info.name
    return Sample(
      name: name, model: model, precision: lines.precision, real: lines.logits, notScored: lines.notScored)
  }

  private func sampleOfImages() throws -> Sample {
    let (_, model, precision, cache) = try features.open(arithmetic.precision)
    let (real, realsLeftOut) = try rows(of: reals, model, cache, title: "real images")
    let (fake, generatedLeftOut) = try rows(of: generated, model, cache, title: "generated images")
    guard !real.isEmpty else { throw Failure("none of the real images was scored") }
    if !generated.isEmpty, fake.isEmpty { throw Failure("none of the generated images was scored") }
    let table = try cache.table()
    func logits(_ rows: [Int], _ head: Head) -> [Double] {
      rows.map { row in head.score(table.row(row).map { Double($0) }).logit }
    }
    var head = model.head
    let fitted = temperature ? Temperature(generated: logits(fake, head), real: logits(real, head)) : nil
    if let scale = fitted?.value {
      head = try Head(head.kind, weights: head.weights.map { Float($0 / scale) }, bias: Float(head.bias / scale))
    }
    // Of the head as it is written: rounded.
    return Sample(
      name: model.info.name, model: model.info.sha256, precision: precision, real: logits(real, head),
      generated: logits(fake, head),
      notScored: realsLeftOut + generatedLeftOut, head: head, temperature: fitted)
  }

  private func noGuarantee(_ images: Int) -> String {
    let bound = BinomialInterval.upperBound(successes: 0, trials: images, confidence: confidence)
    return bound > falsePositiveRate
      ? "\(images) real images are too few to be sure of a rate of \(falsePositiveRate): leave out --guarantee, or take "
        + "more"
      : "too many of the real images have a probability of 1 for a rate of \(falsePositiveRate): no threshold tells them "
        + "apart (--temperature may)"
  }

  /// Of every image once, however often it is there: rows of the cache.
  private func rows(
    of arguments: [PathArgument], _ model: Model, _ cache: FeatureCache, title: String
  ) throws -> (rows: [Int], leftOut: Int) {
    var paths: [FilePath] = []
    FileWalk.visit(arguments.map(\.path)) { item in
      switch item {
      case .file(let path): paths.append(path)
      case .unreadable(let path, let errno): Console.complain("\(path.escaped): \(errno)")
      }
    }
    guard !paths.isEmpty else { return ([], 0) }
    let outcomes = try features.extract(paths, model, arithmetic.precision, into: cache, title: title)
    var seen: Set<Int> = []
    var rows: [Int] = []
    for case .row(let row) in outcomes where seen.insert(row).inserted { rows.append(row) }
    return (rows, outcomes.count { if case .notScored = $0 { true } else { false } })
  }
}
