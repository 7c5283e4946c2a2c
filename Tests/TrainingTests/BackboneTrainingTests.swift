import Datasets
import Detection
import Foundation
import Hashing
import ImageDecoding
import NeuralNetwork
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Training

/// A small network on real files.
@Suite struct BackboneTrainingTests {
  private let directory = TemporaryDirectory()

  private var settings: BackboneSettings {
    var settings = BackboneSettings()
    settings.recipe.cropSize = 24
    // What would hide a chessboard.
    (settings.recipe.blurProbability, settings.recipe.jpegProbability, settings.recipe.resizedCropProbability) = (
      0, 0, 0
    )
    (settings.batch, settings.learningRate, settings.epochLimit, settings.seed) = (8, 3e-3, 6, 4)
    return settings
  }

  private func training(
    _ model: FilePath, _ settings: BackboneSettings, resuming checkpoint: BackboneCheckpoint? = nil
  ) throws -> BackboneTraining {
    let dataset = try Dataset(reading: directory.path("data"))
    let units = TrainingUnit.aligned(dataset.images.filter { $0.split == .train })
    return try BackboneTraining(
      TrainableBackbone(path: model), preprocessing: Model(path: model).info.preprocessing, units: units,
      validation: dataset.images.filter { $0.split == .validation }, settings: settings, threads: 2,
      resuming: checkpoint)
  }

  @Test func itLearnsAndTheModelScoresAsTrained() throws {
    let model = try TinyTraining.makeModel(in: directory)
    try TinyTraining.makeDataset(in: directory, 12)
    var settings = settings
    (settings.epochLimit, settings.learningRate, settings.patience) = (40, 1e-2, 40)
    let training = try training(model, settings)
    try training.run { _ in true }
    #expect(training.isFinished && training.failures.isEmpty)
    #expect(try #require(training.steps.map { $0.validationBalancedAccuracy ?? 0 }.max()) >= 0.9)
    #expect(try #require(training.steps.last).loss < (try #require(training.steps.first)).loss)

    // What is written is what was measured: the detector on the crop that was measured.
    var trained = try TrainableBackbone(path: model)
    trained.states = training.result.states
    var revision = ModelRevision(of: try Model(path: model), at: model)
    revision.backbone = trained
    revision.head = try Head(.linear, weights: training.result.head.weights, bias: training.result.head.bias)
    let path = directory.path("trained.safetensors")
    try revision.write(to: path)
    let detector = try Detector.load(path)
    let bytes = try #require(FileManager.default.contents(atPath: directory.path("data/val/fake/0.png").string))
    let crop = settings.recipe.middle(of: try RGBImage.decode(bytes: Array(bytes), limits: ImageLimits()))
    guard case .scored(let score, _) = try detector.score(crop) else {
      Issue.record("not scored")
      return
    }
    let network = try TrainableNetwork(trained.graph, states: trained.states, epsilon: trained.epsilon, threads: 1)
    let input = Preprocessing(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]).normalization.values(of: crop.pixels)
    let features = try network.forward(input, height: 24, width: 24, usesBatchStatistics: false)
    let logit = zip(features, training.result.head.weights).reduce(Double(training.result.head.bias)) {
      $0 + Double($1.0) * Double($1.1)
    }
    #expect(abs(score.logit - logit) < 1e-4)
  }

  /// Stopped after any batch or epoch and gone on from the file, it gives the same bits.
  @Test(arguments: [1, 3, 4, 5, 8, 10, 12], [nil, 0.9])
  func aResumedTrainingIsTheSame(_ stop: Int, averageDecay: Double?) throws {
    let model = try TinyTraining.makeModel(in: directory)
    try TinyTraining.makeDataset(in: directory, 10)
    var settings = settings
    (settings.epochLimit, settings.averageDecay) = (3, averageDecay)
    let whole = try training(model, settings)
    try whole.run { _ in true }

    let first = try training(model, settings)
    var (calls, ends) = (0, 0)
    try first.run { progress in
      calls += 1
      if progress.hasEnded {
        ends += 1
        #expect(progress.epoch == ends - 1 && first.steps.count == ends && progress.done == progress.total)
      }
      return calls < stop
    }
    // Three batches an epoch.
    #expect(calls == stop && ends == stop / 4)
    let path = directory.path("checkpoint")
    let digest = SHA256Digest(hashing: [])
    let origin = TrainingOrigin(model: digest, images: digest)
    try first.checkpoint(origin).write(to: path)
    let checkpoint = try BackboneCheckpoint(
      path: path, settings: settings, origin: origin, convolutions: whole.network.states.count)
    let second = try training(model, settings, resuming: checkpoint)
    try second.run { _ in true }
    #expect(second.network.states == whole.network.states)
    #expect(second.head == whole.head && second.steps == whole.steps)
    #expect(second.result.head == whole.result.head && second.result.states == whole.result.states)
  }

  /// The average is kept, and the training does not notice it.
  @Test func anAverageIsKeptBeside() throws {
    let model = try TinyTraining.makeModel(in: directory)
    try TinyTraining.makeDataset(in: directory, 10)
    var settings = settings
    settings.epochLimit = 1
    let plain = try training(model, settings)
    var seen: [(states: [ConvolutionState], head: [Double])] = []
    try plain.run { progress in
      if !progress.hasEnded { seen.append((plain.network.states, plain.head.parameters)) }
      return true
    }
    settings.averageDecay = 0.25
    let averaged = try training(model, settings)
    try averaged.run { _ in true }
    #expect(averaged.network.states == plain.network.states && averaged.head == plain.head)
    #expect(averaged.steps != plain.steps)

    // By its definition, a number of each kind.
    let before = try TrainableBackbone(path: model).states
    let kinds: [KeyPath<ConvolutionState, [Float]>] = [\.weights, \.gamma, \.beta, \.mean, \.variance]
    for kind in kinds {
      var expected = Double(before[1][keyPath: kind][2])
      for (index, step) in seen.enumerated() {
        let remains = min(0.25, Double(index + 2) / Double(index + 11))
        expected = remains * expected + (1 - remains) * Double(step.states[1][keyPath: kind][2])
      }
      #expect(abs(Double(averaged.result.states[1][keyPath: kind][2]) - expected) < 1e-6)
    }
    #expect(seen.count == 3 && averaged.result.head != plain.result.head)
  }

  /// A checkpoint after so many batches or so much time, whichever comes first.
  @Test func checkpointsComeByBatchesAndByTime() {
    let start = ContinuousClock.now
    var schedule = CheckpointSchedule(batches: 3, period: .seconds(300), now: start)
    func due(_ seconds: Double) -> Bool { schedule.isDue(now: start + .seconds(seconds)) }
    #expect([1, 2, 3, 4, 5, 6].map(due) == [false, false, true, false, false, true])
    #expect([305, 306, 600, 606, 607].map(due) == [false, true, false, true, false])
    schedule.begin(now: start + .seconds(800))
    #expect([1_000, 1_099, 1_100].map(due) == [false, false, true])
  }

  @Test func theAblationsAreWhatTheySay() throws {
    let model = try TinyTraining.makeModel(in: directory)
    try TinyTraining.makeDataset(in: directory, 6)
    var clamping = settings
    (clamping.clampsHead, clamping.epochLimit) = (true, 2)
    let clamped = try training(model, clamping)
    try clamped.run { _ in true }
    #expect(clamped.head.model.weights.allSatisfy { $0 >= 0 })

    var heads = settings
    (heads.trainsHeadAlone, heads.clampsHead, heads.epochLimit) = (true, true, 2)
    let alone = try training(model, heads)
    try alone.run { _ in true }
    let before = try TrainableBackbone(path: model).states
    #expect(zip(alone.network.states, before).allSatisfy { $0.weights == $1.weights && $0.gamma == $1.gamma })
    // BatchNorm was in training mode.
    #expect(zip(alone.network.states, before).allSatisfy { $0.mean != $1.mean })
    #expect(alone.head.model.weights.allSatisfy { $0 >= 0 } && alone.head.model.weights.contains { $0 > 0 })
  }

  @Test func alignedImagesArePaired() {
    func image(_ path: FilePath, _ isGenerated: Bool, _ group: String = "") -> LabelledImage {
      LabelledImage(path: path, name: path, label: isGenerated ? .fake : .real, group: group)
    }
    let images = [
      image("/d/real/a.jpg", false), image("/d/fake/a.png", true), image("/d/fake/b.png", true),
      image("/d/real/c.png", false), image("/d/real/a.png", false, "other"),
    ]
    #expect(
      TrainingUnit.aligned(images).map { $0.images.map(\.path) } == [
        ["/d/real/a.jpg", "/d/fake/a.png"], ["/d/real/c.png"], ["/d/real/a.png"], ["/d/fake/b.png"],
      ])
  }
}
