import Datasets
import Detection
import NeuralNetwork
import StayposCore
import SystemPackage

/// Trains a network and its head on crops. Where it stands is a ``BackboneCheckpoint``: a training that goes on from one gives
/// the same bits as one that was never interrupted, with the same number of threads.
///
/// Confined.
package final class BackboneTraining {
  package struct Progress: Sendable {
    package var epoch: Int
    /// Units of this epoch that have been trained on, and all.
    package var done: Int
    package var total: Int
    /// Mean of this epoch so far.
    package var loss: Double
    /// Whether the epoch has ended: with its validation, it is among the steps.
    package var hasEnded: Bool
  }

  package let settings: BackboneSettings
  /// Epochs that have ended.
  package private(set) var steps: [TrainingStep] = []
  /// Images that could not be read.
  package private(set) var failures: Set<FilePath> = []
  package private(set) var isFinished = false
  var backbone: TrainableBackbone
  let network: TrainableNetwork
  var head: TrainableHead
  /// What is measured and kept, if the settings want one.
  var average: WeightAverage?
  var schedule: PlateauSchedule
  /// Of Adam's.
  var stepCount = 0
  /// In the epoch that has not ended: units done, and the sum of their losses over so many crops.
  var position = 0
  var lossSum = 0.0
  var cropCount = 0
  /// Of the epoch with the best balanced accuracy; of several, that with the lowest loss.
  var best: (states: [ConvolutionState], head: LinearModel)

  private let units: [TrainingUnit]
  private let validation: [LabelledImage]
  private let loader: CropLoader

  /// - Parameters:
  ///   - validation: for the schedule; with both labels.
  ///   - resuming: where an earlier training with the same settings and images stood.
  package init(
    _ backbone: TrainableBackbone, preprocessing: Preprocessing, units: [TrainingUnit], validation: [LabelledImage],
    settings: BackboneSettings, threads: Int, resuming checkpoint: BackboneCheckpoint? = nil
  ) throws(NetworkError) {
    (self.settings, self.units, self.validation, self.backbone) = (settings, units, validation, backbone)
    network = try TrainableNetwork(
      backbone.graph, states: checkpoint?.states ?? backbone.states, epsilon: backbone.epsilon,
      type: settings.precision.elements, threads: threads)
    head = TrainableHead(features: network.featureCount)
    schedule = PlateauSchedule(
      learningRate: settings.learningRate, improvement: settings.improvement, patience: settings.patience, decay: 10,
      least: settings.leastLearningRate)
    loader = CropLoader(recipe: settings.recipe, normalization: preprocessing.normalization, threads: threads)
    best = (backbone.states, head.model)
    average = settings.averageDecay.map {
      WeightAverage(decay: $0, states: backbone.states, head: head.parameters)
    }
    if let checkpoint { restore(checkpoint) }
  }

  /// About how many bytes the network takes in training.
  package var memory: Int {
    network.memory(
      batch: settings.batch, height: settings.recipe.cropSize, width: settings.recipe.cropSize,
      backward: !settings.trainsHeadAlone)
  }

  /// Trains until the schedule or the limit of epochs ends it, or `observe` says so.
  /// - Parameter observe: called after each batch, and after each epoch; false: stop here.
  package func run(_ observe: (Progress) throws -> Bool) throws {
    while !isFinished {
      let order = order(of: steps.count)
      while position < order.count {
        let batch = nextBatch(order)
        try train(batch)
        let progress = Progress(
          epoch: steps.count, done: position, total: order.count, loss: lossSum / Double(max(cropCount, 1)),
          hasEnded: false)
        guard try observe(progress) else { return }
      }
      let step = try endEpoch()
      let progress = Progress(
        epoch: step.index, done: order.count, total: order.count, loss: step.loss, hasEnded: true)
      guard try observe(progress) else { return }
    }
  }

  /// The units of an epoch in its order.
  private func order(of epoch: Int) -> [TrainingUnit] {
    var mixer = SplitMix64(seed: settings.seed)
    var random = SplitMix64(seed: mixer.next() &+ UInt64(epoch) &+ 1)
    return units.shuffled(using: &random)
  }

  private func nextBatch(_ order: [TrainingUnit]) -> ArraySlice<TrainingUnit> {
    var (end, crops) = (position, 0)
    while end < order.count, crops + order[end].images.count <= max(settings.batch, order[end].images.count) {
      crops += order[end].images.count
      end += 1
    }
    return order[position..<end]
  }

  private func train(_ batch: ArraySlice<TrainingUnit>) throws {
    let side = settings.recipe.cropSize
    let (crops, labels, unreadable) = loader.augmented(batch, seed: settings.seed, epoch: steps.count)
    failures.formUnion(unreadable)
    position = batch.endIndex
    // BatchNorm has no statistics of a single crop.
    guard labels.count > 1 else { return }
    let features = try network.forward(crops, height: side, width: side, usesBatchStatistics: true)
    let (loss, own, inputs) = head.loss(features, labels: labels)
    stepCount += 1
    if !settings.trainsHeadAlone {
      try network.backward(inputs)
      network.update(rate: schedule.learningRate, step: stepCount)
    }
    head.step(own, rate: schedule.learningRate, clamps: settings.clampsHead)
    average?.follow(network.states, head.parameters, step: stepCount)
    lossSum += loss * Double(labels.count)
    cropCount += labels.count
  }

  private func endEpoch() throws -> TrainingStep {
    let trained = (states: network.states, head: head.parameters)
    if let average { (network.states, head.parameters) = (average.states, average.head) }
    let metrics = try measure()
    let measured = (states: network.states, head: head.model)
    (network.states, head.parameters) = trained
    let step = TrainingStep(
      index: steps.count, loss: lossSum / Double(max(cropCount, 1)), validationLoss: metrics.loss,
      validationBalancedAccuracy: metrics.balancedAccuracy, learningRate: schedule.learningRate, seconds: 0)
    steps.append(step)
    (position, lossSum, cropCount) = (0, 0, 0)
    if isLastTheBest { best = measured }
    isFinished = !schedule.goesOn(after: metrics.balancedAccuracy) || steps.count >= settings.epochLimit
    return step
  }

  /// As ``HeadMetrics/isBetter(than:)`` has it, of the epochs so far.
  private var isLastTheBest: Bool {
    func order(_ step: TrainingStep) -> (Double, Double) {
      (step.validationBalancedAccuracy ?? 0, -(step.validationLoss ?? .infinity))
    }
    guard let last = steps.last else { return false }
    return steps.dropLast().allSatisfy { order(last) > order($0) }
  }

  /// On the middles of the validation images, with running statistics.
  private func measure() throws -> HeadMetrics {
    let side = settings.recipe.cropSize
    var (margins, samples) = ([Double](), LabelledRows())
    for first in stride(from: 0, to: validation.count, by: settings.batch) {
      let images = validation[first..<min(first + settings.batch, validation.count)]
      let (crops, labels, unreadable) = loader.middles(images)
      failures.formUnion(unreadable)
      guard !labels.isEmpty else { continue }
      margins += head.logits(
        try network.forward(crops, height: side, width: side, usesBatchStatistics: false))
      for label in labels { samples.append(samples.count, isGenerated: label == 1) }
    }
    // A class that cannot be read would count as without errors.
    guard samples.hasBothLabels else {
      throw BackboneTrainingError("of the validation images, those of one kind cannot be read any more")
    }
    return HeadMetrics(margins: margins, samples)
  }

  private func restore(_ checkpoint: BackboneCheckpoint) {
    network.moments = checkpoint.moments
    head = checkpoint.head
    average = checkpoint.average
    best = (checkpoint.bestStates, checkpoint.bestHead)
    let place = checkpoint.place
    (schedule, stepCount, position) = (place.schedule, place.stepCount, place.position)
    (lossSum, cropCount, steps, isFinished) = (place.lossSum, place.cropCount, place.steps, place.isFinished)
  }

  /// Where the training stands.
  package func checkpoint(_ origin: TrainingOrigin) -> BackboneCheckpoint {
    BackboneCheckpoint(
      states: network.states, moments: network.moments, head: head, average: average, bestStates: best.states,
      bestHead: best.head,
      place: BackboneCheckpoint.Place(
        settings: settings, schedule: schedule, stepCount: stepCount, position: position, lossSum: lossSum,
        cropCount: cropCount, steps: steps, isFinished: isFinished, origin: origin))
  }

  /// The network and head with the best balanced accuracy.
  package var result: (states: [ConvolutionState], head: LinearModel) { best }
}
