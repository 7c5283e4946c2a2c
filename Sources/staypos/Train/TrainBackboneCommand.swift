import ArgumentParser
import Datasets
import Detection
import Glibc
import StayposCore
import SystemPackage
import Training

struct TrainBackboneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backbone",
    abstract: "Train a whole network (the Corvi and Rajan recipe).",
    discussion: """
      Trains all weights of a model's network and a linear head on augmented crops: random resized crop, colour jitter, \
      grey, a hole, noise, blur, JPEG, rotation, flip, crop; Adam; the learning rate falls when the balanced accuracy on \
      the validation images no longer grows, and the training ends when it would fall below 1e-6. Datasets are those of \
      staypos train head. A real and a generated image of the same name in the same group are a pair: they are changed in \
      the same way, and are in the same batch.

      With --checkpoint the training can be killed at any moment: the same command goes on from the last checkpoint, which \
      is at most five minutes or a batch old, and ends with the same model as if nothing had happened.

      EXIT STATUS
        0   the model was written
        1   it was not
        64  the command line is wrong

      EXAMPLES
        staypos train backbone dataset/ --checkpoint run.checkpoint --output mine.safetensors --plot loss.svg
      """)

  @Argument(help: ArgumentHelp("Directories or CSV tables.", valueName: "dataset"))
  var datasets: [PathArgument]

  @Option(
    name: [.short, .long], help: ArgumentHelp("Where the model goes; replaced if it is there.", valueName: "file"))
  var output: PathArgument

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("The model to begin with (default: as for staypos score).", valueName: "file"))
  var model: PathArgument?

  @Option(help: ArgumentHelp("Where the training stands: is made, and gone on from if it is there.", valueName: "file"))
  var checkpoint: PathArgument?

  @Option(
    help: ArgumentHelp(
      "Batches between two checkpoints; one is made every five minutes and around validations too.", valueName: "n"))
  var checkpointInterval = 50

  @Option(help: ArgumentHelp("Validation images, instead of a share of the dataset.", valueName: "dataset"))
  var validation: [PathArgument] = []

  @Option(
    help: ArgumentHelp("The share of the images that is not trained on, where no directory divides.", valueName: "x"))
  var validationShare = 0.1

  @Option(help: ArgumentHelp("Side of the crops, in pixels.", valueName: "n"))
  var cropSize = 96

  @Option(help: ArgumentHelp("Crops in a batch.", valueName: "n"))
  var batch = 128

  @Option(
    help: ArgumentHelp(
      "How strongly the crops are changed: published, as the recipe has it, or light, without rotation: for a few thousand images that are compressed already.",
      valueName: "strength"))
  var augmentation = AugmentationStrength.published

  @Option(help: ArgumentHelp("The share of the JPEG augmentations that are WebP instead.", valueName: "x"))
  var webpShare = 0.0

  @Option(help: ArgumentHelp("The first learning rate.", valueName: "x"))
  var learningRate = 1e-4

  @Option(help: ArgumentHelp("Epochs without an improvement before the learning rate falls.", valueName: "n"))
  var patience = 5

  @Option(help: ArgumentHelp("Epochs at most.", valueName: "n"))
  var epochs = 1_000

  @Option(
    help: ArgumentHelp(
      "Measure and keep a moving average of the weights, of which each batch leaves this share: 0.99 averages over about a hundred.",
      valueName: "share"))
  var averageDecay: Double?

  @Flag(help: "Set the head's weights below zero to zero after every step.")
  var clampHead = false

  @Flag(
    help:
      "Leave the network as it is and train the head alone, BatchNorm in training mode, as the authors do for the positive head."
  )
  var headOnly = false

  @Option(help: ArgumentHelp("Of the division, the order and the augmentations.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Arithmetic of the feature maps: fp32, or bf16, which takes half the memory and less time, and rounds gradients.",
      valueName: "type"))
  var precision = TrainingPrecision.fp32

  @Option(help: ArgumentHelp("Threads (default: one for each processor).", valueName: "n"))
  var threads: Int?

  @Option(help: ArgumentHelp("The model's name (default: the output's, without its ending).", valueName: "text"))
  var name: String?

  @Option(help: ArgumentHelp("Write the course of the training as an SVG picture.", valueName: "svg"))
  var plot: PathArgument?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads has to be between 1 and 1024.")
    }
    guard (0..<1).contains(validationShare) else { throw ValidationError("--validation-share has to be from 0 to 1.") }
    guard (1...1024).contains(cropSize), batch > 1, epochs > 0, patience > 0, checkpointInterval > 0 else {
      throw ValidationError("--crop-size has to be up to 1024, --batch above 1, the other numbers above 0.")
    }
    guard (0...1).contains(webpShare) else { throw ValidationError("--webp-share has to be from 0 to 1.") }
    if let averageDecay, !(averageDecay > 0 && averageDecay < 1) {
      throw ValidationError("--average-decay has to be between 0 and 1.")
    }
    guard learningRate > 0, learningRate.isFinite else { throw ValidationError("--learning-rate has to be above 0.") }
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

  private var settings: BackboneSettings {
    var settings = BackboneSettings()
    settings.recipe = augmentation.recipe
    // Smaller ones than the crop would be filled up.
    settings.recipe.resizedCropSize = max(settings.recipe.resizedCropSize, cropSize)
    (settings.recipe.cropSize, settings.recipe.webpShare) = (cropSize, webpShare)
    (settings.batch, settings.learningRate, settings.patience, settings.epochLimit) = (
      batch, learningRate, patience, epochs
    )
    (settings.clampsHead, settings.trainsHeadAlone, settings.seed) = (clampHead, headOnly, seed)
    (settings.averageDecay, settings.precision) = (averageDecay, precision)
    return settings
  }

  private func train() throws {
    let path = try model?.path ?? DefaultModel.find()
    let model = try Model(path: path)
    let backbone = try TrainableBackbone(path: path)
    let (units, held) = try divide()
    let origin = checkpoint == nil ? nil : origin(model, units, held)
    let training = try BackboneTraining(
      backbone, preprocessing: model.info.preprocessing, units: units, validation: held, settings: settings,
      threads: threads ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
      resuming: try resume(backbone, origin))
    try checkMemory(training)
    try run(training, origin)
    try write(training, backbone, path, model, units, held)
  }

  /// Units to train on, and validation images: pairs stay together.
  private func divide() throws -> (units: [TrainingUnit], validation: [LabelledImage]) {
    let (images, unlabelled) = try HeadDataset.read(datasets.map(\.path))
    var (held, _) = try HeadDataset.read(validation.map(\.path))
    if unlabelled > 0 { Console.complain("\(unlabelled) files without a label are left out") }
    let divided = !held.isEmpty || images.contains { $0.split == .validation }
    let split = ValidationSplit(share: validationShare, seed: seed)
    var units: [TrainingUnit] = []
    let heldPaths = Set(held.map(\.path))
    for unit in TrainingUnit.aligned(images) where !unit.images.contains(where: { heldPaths.contains($0.path) }) {
      let isValidation = divided ? unit.images[0].split == .validation : split.isValidation(unit)
      if isValidation { held += unit.images } else { units.append(unit) }
    }
    for (part, images) in [("training", units.flatMap(\.images)), ("validation", held)] {
      let generated = images.count { $0.label == .fake }
      guard generated > 0, generated < images.count else {
        throw Failure(
          "\(part) needs real and generated images: there are \(images.count - generated) and \(generated)")
      }
    }
    return (units, held)
  }

  /// Reads all images once: the training reads them in each epoch.
  private func origin(_ model: Model, _ units: [TrainingUnit], _ held: [LabelledImage]) -> TrainingOrigin {
    let bar = ProgressBar("checking the images", total: units.reduce(held.count) { $0 + $1.images.count })
    defer { bar.clear() }
    return TrainingOrigin(model: model.info.sha256, units: units, validation: held) { bar.show($0) }
  }

  private func resume(_ backbone: TrainableBackbone, _ origin: TrainingOrigin?) throws -> BackboneCheckpoint? {
    guard let origin, let path = checkpoint?.path, path.withPlatformString({ access($0, F_OK) }) == 0 else {
      return nil
    }
    let checkpoint = try BackboneCheckpoint(
      path: path, settings: settings, origin: origin, convolutions: backbone.states.count)
    Console.note("going on in epoch \(checkpoint.place.steps.count)")
    return checkpoint
  }

  private func run(_ training: BackboneTraining, _ origin: TrainingOrigin?) throws {
    var bar: ProgressBar?
    var schedule = CheckpointSchedule(batches: checkpointInterval)
    func save() throws {
      if let origin, let path = checkpoint?.path { try training.checkpoint(origin).write(to: path) }
    }
    try training.run { progress in
      if progress.hasEnded {
        bar?.clear()
        bar = nil
        if let step = training.steps.last { report(step) }
        try save()
        schedule.begin()
      } else {
        let shown = bar ?? ProgressBar("epoch \(progress.epoch)", total: progress.total, before: progress.done)
        shown.show(progress.done, note: "loss \(progress.loss.fixed(4))")
        bar = shown
        // The validation that follows the last batch may take long, too.
        if schedule.isDue() || progress.done == progress.total { try save() }
      }
      return true
    }
  }

  /// Better said now than by the kernel, which would kill the process in the first step.
  private func checkMemory(_ training: BackboneTraining) throws {
    guard let limit = ProcessMemory.limit, training.memory > limit else { return }
    func gibibytes(_ bytes: Int) -> String { (Double(bytes) / 0x1p30).fixed(1) }
    throw Failure(
      "batches of \(batch) crops of \(cropSize)×\(cropSize) pixels take about \(gibibytes(training.memory)) GiB in this "
        + "network, and \(gibibytes(limit)) GiB are free: take a smaller --batch"
        + (precision == .fp32 ? ", or --precision bf16" : ""))
  }

  /// A line for an epoch that has ended.
  private func report(_ step: TrainingStep) {
    let (loss, accuracy) = (step.validationLoss ?? 0, step.validationBalancedAccuracy ?? 0)
    Console.note(
      "epoch \(step.index): loss \(step.loss.fixed(4)), validation \(loss.fixed(4)), balanced accuracy "
        + "\(accuracy.fixed(4)), learning rate \(step.learningRate ?? 0)")
  }

  private func write(
    _ training: BackboneTraining, _ backbone: TrainableBackbone, _ path: FilePath, _ model: Model,
    _ units: [TrainingUnit], _ held: [LabelledImage]
  ) throws {
    for path in training.failures.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
      Console.complain("\(path.escaped): could not be read")
    }
    let (states, head) = training.result
    var revision = ModelRevision(of: model, at: path)
    revision.name = name ?? output.path.stem ?? "model"
    if !headOnly || states != backbone.states {
      var trained = backbone
      trained.states = states
      revision.backbone = trained
    }
    revision.head = try Head(
      head.weights.allSatisfy { $0 >= 0 } ? .positive : .linear, weights: head.weights, bias: head.bias)
    revision.threshold = Threshold(0.5) ?? revision.threshold
    var card = ModelCard(model.info.card)
    card.keep(["licence", "license", "limits"])
    card["training"] = JSONValue(encoding: settings)
    card["base"] = .string("\(model.info.name), SHA-256 \(model.info.sha256)")
    card["data"] = .string(
      "\(units.reduce(0) { $0 + $1.images.count }) training images, \(units.count { $0.images.count > 1 }) pairs, "
        + "\(held.count) validation images")
    card["epochs"] = JSONValue(encoding: training.steps)
    revision.card = card.text
    try revision.write(to: output.path)
    if let plot {
      let curve = LossCurve(title: revision.name, unit: "epoch", steps: training.steps)
      try OutputFile.write(Array(curve.svg.utf8), to: plot.path)
    }
  }
}

extension ValidationSplit {
  /// By the names: contents would all have to be read first.
  fileprivate func isValidation(_ unit: TrainingUnit) -> Bool {
    isValidation(named: unit.images[0].path.lastComponent?.string ?? "")
  }
}
