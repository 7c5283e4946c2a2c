import ArgumentParser
import Datasets
import Detection
import StayposCore
import SystemPackage
import Training

struct TrainHeadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "head",
    abstract: "Train a head on the features of a frozen backbone (the Stay-Positive paper's Algorithm 1).",
    discussion: """
      Runs every image through a model's network once, whole, and keeps the pooled features in a file; then trains a head \
      on them: binary cross-entropy, weights from 0 on. An interrupted run goes on where it was. The result is a copy of \
      the model with another head.

      A dataset is a directory with images below 0_real and 1_fake, nature and ai, or real and fake (or generated), nested \
      as you like, or a CSV file with the columns filename and typ. Directories named train and val divide it; otherwise \
      --validation-share does, by the images' content.

      --optimizer newton goes to the optimum. With few images it is wise to stop before that or to shrink: --l2, or \
      --optimizer adam, which is the paper's schedule and ends when the balanced accuracy on the validation images no \
      longer grows.

      EXIT STATUS
        0   the model was written
        1   it was not
        64  the command line is wrong

      EXAMPLES
        staypos train head dataset/ --output mine.safetensors
        staypos train head list.csv --optimizer adam --learning-rate 1e-3 -o mine.safetensors --plot loss.svg
        staypos train head dataset/ --variant unconstrained -o linear.safetensors
      """)

  @Argument(help: ArgumentHelp("Directories or CSV tables.", valueName: "dataset"))
  var datasets: [PathArgument]

  @Option(
    name: [.short, .long], help: ArgumentHelp("Where the model goes; replaced if it is there.", valueName: "file"))
  var output: PathArgument

  @OptionGroup var features: FeatureOptions

  @Option(help: ArgumentHelp("Arithmetic of the backbone: fp32, bf16, int8 or auto.", valueName: "type"))
  var precision = Precision.fp32

  @Option(help: ArgumentHelp("Validation images, instead of a share of the dataset.", valueName: "dataset"))
  var validation: [PathArgument] = []

  @Option(
    help: ArgumentHelp("The share of the images that is not trained on, where no directory divides.", valueName: "x"))
  var validationShare = 0.1

  @Option(
    help: ArgumentHelp(
      "positive (Algorithm 1), unconstrained (a linear head), or clamped (a linear head whose negative weights are set to zero afterwards).",
      valueName: "name"))
  var variant = HeadTraining.Variant.positive

  @Option(help: ArgumentHelp("newton (to the optimum) or adam (the paper's schedule).", valueName: "name"))
  var optimizer = HeadTraining.Optimizer.newton

  @Option(help: ArgumentHelp("Adam's first learning rate.", valueName: "x"))
  var learningRate = 1e-4

  @Option(help: ArgumentHelp("Images in a minibatch of Adam's.", valueName: "n"))
  var batch = 1024

  @Option(
    help: ArgumentHelp(
      "Epochs without an improvement before Adam's learning rate falls; more where they are fewer than 1000 minibatches.",
      valueName: "n"))
  var patience = 10

  @Option(help: ArgumentHelp("λ of the penalty λ/2 ‖w‖² (newton only).", valueName: "x"))
  var l2 = 0.0

  @Flag(help: "Let real and generated images count the same altogether, however many there are of each.")
  var balanced = false

  @Option(help: ArgumentHelp("Of the division and of Adam's minibatches.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("The model's name (default: the output's, without its ending).", valueName: "text"))
  var name: String?

  @Option(help: ArgumentHelp("Write the course of the training as an SVG picture.", valueName: "svg"))
  var plot: PathArgument?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (0..<1).contains(validationShare) else { throw ValidationError("--validation-share has to be from 0 to 1.") }
    guard learningRate > 0, learningRate.isFinite, l2 >= 0, l2.isFinite else {
      throw ValidationError("--learning-rate has to be above 0, --l2 at least 0.")
    }
    guard batch > 0, patience > 0 else { throw ValidationError("--batch and --patience have to be above 0.") }
    if l2 > 0, optimizer == .adam { throw ValidationError("--l2 needs --optimizer newton.") }
  }

  func run() throws {
    do {
      try train()
    } catch let error as ExitCode {
      throw error
    } catch {
      Console.complain("\(error)")
      throw ExitCode.found
    }
  }

  private func train() throws {
    let (path, model, _, cache) = try features.open(precision)
    let dataset = try gather(model, cache)
    guard dataset.training.hasBothLabels else {
      throw Failure(
        "a head needs real and generated images: there are \(dataset.training.realCount) and "
          + "\(dataset.training.generatedCount) to train on")
    }
    let table = try cache.table()
    var training = HeadTraining(threads: features.threadCount)
    (training.variant, training.optimizer, training.newton.l2) = (variant, optimizer, l2)
    (training.adam.learningRate, training.adam.batch, training.adam.patience) = (learningRate, batch, patience)
    training.adam.seed = seed
    let validation = dataset.validation.hasBothLabels ? dataset.validation : nil
    var shown: ContinuousClock.Instant?
    let result = try training.run(table, training: dataset.training, validation: validation) { step in
      guard ProgressBar.isTerminal else { return }
      // Epochs of few images come by the hundred.
      let now = ContinuousClock.now
      if let shown, optimizer == .adam, now - shown < .seconds(1) { return }
      shown = now
      Console.note(line(step))
    }
    let threads = features.threadCount
    let record = TrainHeadRecord(
      name: name ?? output.path.stem ?? "model", variant: variant.rawValue, optimizer: optimizer.rawValue, l2: l2,
      seed: seed, base: model.info.name, baseModel: model.info.sha256, notScored: dataset.notScored,
      unlabelled: dataset.unlabelled, repeated: dataset.repeated, contradictory: dataset.contradictory,
      steps: result.steps.count, hasConverged: result.hasConverged, seconds: result.seconds,
      weightsAboveZero: result.model.weights.count { $0 > 0 },
      weightsBelowZero: result.model.weights.count { $0 < 0 },
      training: HeadMetrics(result.model, on: table, dataset.training, threads: threads),
      validation: validation.map { HeadMetrics(result.model, on: table, $0, threads: threads) })
    try write(result.model, record, path, model)
    if let plot { try write(result.steps, to: plot.path, record.name) }
    if json {
      try Console.write(json: record)
    } else {
      for line in record.lines { try Console.write(line: line) }
    }
  }

  private func gather(_ model: Model, _ cache: FeatureCache) throws -> HeadDataset {
    var dataset = HeadDataset()
    let (images, unlabelled) = try HeadDataset.read(datasets.map(\.path))
    let (held, unlabelledToo) = try HeadDataset.read(validation.map(\.path))
    dataset.unlabelled = unlabelled + unlabelledToo
    let all = images + held
    let outcomes = try features.extract(all.map(\.path), model, precision, into: cache, title: "features")
    let divided = !held.isEmpty || images.contains { $0.split == .validation }
    let split = ValidationSplit(share: validationShare, seed: seed)
    let heldPaths = Set(held.map(\.path))
    let digests = cache.images
    // An original decides for its reconstruction too.
    var originals: [FilePath: FilePath] = [:]
    for unit in TrainingUnit.aligned(images) {
      for image in unit.images { originals[image.path] = unit.images[0].path }
    }
    var rows: [FilePath: Int] = [:]
    for (image, outcome) in zip(all, outcomes) { if case .row(let row) = outcome { rows[image.path] = row } }
    dataset.add(all, outcomes) { image, row in
      if heldPaths.contains(image.path) || image.split == .validation { return true }
      return !divided && split.isValidation(digests[originals[image.path].flatMap { rows[$0] } ?? row])
    }
    if !dataset.validation.hasBothLabels, dataset.validation.count > 0 {
      Console.complain("\(dataset.validation.count) validation images are of one kind: there is no validation")
    }
    if balanced {
      dataset.training.balance()
      dataset.validation.balance()
    }
    return dataset
  }

  private func line(_ step: TrainingStep) -> String {
    var text = "\(optimizer == .adam ? "epoch" : "step") \(step.index): loss \(step.loss.fixed(6))"
    if let loss = step.validationLoss { text += ", validation \(loss.fixed(6))" }
    if let accuracy = step.validationBalancedAccuracy { text += ", balanced accuracy \(accuracy.fixed(4))" }
    return text
  }

  private func write(_ head: LinearModel, _ record: TrainHeadRecord, _ path: FilePath, _ model: Model) throws {
    var revision = ModelRevision(of: model, at: path)
    revision.name = record.name
    revision.head = try Head(
      variant == .unconstrained ? .linear : .positive, weights: head.weights, bias: head.bias)
    revision.threshold = Threshold(0.5) ?? revision.threshold
    var card = ModelCard(model.info.card)
    card.keep(["licence", "license", "limits", "backbone"])
    card["head"] = JSONValue(encoding: record)
    revision.card = card.text
    try revision.write(to: output.path)
  }

  private func write(_ steps: [TrainingStep], to path: FilePath, _ name: String) throws {
    let unit = optimizer == .adam ? "epoch" : "step"
    let curve = LossCurve(title: "\(name): \(variant.rawValue) head, \(optimizer.rawValue)", unit: unit, steps: steps)
    try OutputFile.write(Array(curve.svg.utf8), to: path)
  }
}

extension HeadTraining.Variant: ExpressibleByArgument {}
extension HeadTraining.Optimizer: ExpressibleByArgument {}
