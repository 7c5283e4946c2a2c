import Glibc
import StayposCore

/// Algorithm 1 of the Stay-Positive paper as its authors run it: Adam on minibatches from w = 0 and b = 0 on, after each step
/// w ← max(w, 0). The schedule watches the balanced accuracy: without an improvement for some epochs the learning rate
/// falls, and below its least the training ends. Unlike theirs, it waits for some steps whatever the images' number.
package struct ProjectedAdam: Sendable {
  package var allowsNegative = false
  package var learningRate = 1e-4
  package var batch = 1024
  package var momentum = (first: 0.9, second: 0.999)
  package var epsilon = 1e-8
  /// By how much the balanced accuracy has to grow to count.
  package var improvement = 1e-3
  /// Epochs without an improvement after which the learning rate is divided by `decay`: so many, or more where they are
  /// fewer than `leastSteps` minibatches.
  package var patience = 10
  /// A step moves no parameter by much more than the learning rate: ten epochs of few images, a step each, would end the
  /// training before any image has crossed the threshold.
  package var leastSteps = 1_000
  package var decay = 10.0
  /// The end: when the learning rate is below this.
  package var leastLearningRate = 1e-6
  package var epochLimit = 10_000
  package var seed: UInt64 = 0
  package var threads: Int

  package init(threads: Int) {
    self.threads = threads
  }

  /// - Parameters:
  ///   - validation: for the schedule; nil: the training rows.
  ///   - observe: called after each epoch.
  /// - Returns: the head of the epoch with the best balanced accuracy; of several, that with the lowest loss.
  package func minimize(
    _ table: FeatureTable, _ samples: LabelledRows, validation: LabelledRows?,
    observe: (TrainingStep, LinearModel) -> Void = { _, _ in }
  ) -> OptimizerResult {
    let clock = ContinuousClock()
    let start = clock.now
    var random = SplitMix64(seed: seed)
    var state = AdamState(count: table.columns + 1)
    var parameters = [Double](repeating: 0, count: table.columns + 1)
    let batches = max(1, (samples.count + batch - 1) / batch)
    var schedule = PlateauSchedule(
      learningRate: learningRate, improvement: improvement,
      patience: max(patience, (leastSteps + batches - 1) / batches), decay: decay, least: leastLearningRate)
    var steps: [TrainingStep] = []
    var best: (model: LinearModel, metrics: HeadMetrics)?
    func result(hasConverged: Bool) -> OptimizerResult {
      OptimizerResult(
        model: best?.model ?? model(parameters), steps: steps, hasConverged: hasConverged,
        seconds: (clock.now - start) / .seconds(1))
    }
    for epoch in 0..<epochLimit {
      let shuffled = samples.reordered(Array(0..<samples.count).shuffled(using: &random))
      let loss = LogisticLoss(table, shuffled, threads: threads)
      var sum = 0.0
      for first in stride(from: 0, to: samples.count, by: batch) {
        let rows = first..<min(first + batch, samples.count)
        let value = loss.evaluate(parameters.dropLast().map { Float($0) }, parameters[table.columns], rows: rows)
        sum += value.loss * Double(rows.count)
        state.step(&parameters, value.gradient, rate: schedule.learningRate, momentum: momentum, epsilon: epsilon)
        if !allowsNegative {
          for index in 0..<table.columns where parameters[index] < 0 { parameters[index] = 0 }
        }
      }
      let current = model(parameters)
      let metrics = HeadMetrics(current, on: table, validation ?? samples, threads: threads)
      let step = TrainingStep(
        index: epoch, loss: sum / Double(samples.count), validationLoss: validation == nil ? nil : metrics.loss,
        validationBalancedAccuracy: validation == nil ? nil : metrics.balancedAccuracy,
        learningRate: schedule.learningRate, seconds: (clock.now - start) / .seconds(1))
      steps.append(step)
      observe(step, current)
      if best.map({ metrics.isBetter(than: $0.metrics) }) ?? true { best = (current, metrics) }
      if !schedule.goesOn(after: metrics.balancedAccuracy) { return result(hasConverged: true) }
    }
    return result(hasConverged: false)
  }

  private func model(_ parameters: [Double]) -> LinearModel {
    LinearModel(
      weights: parameters.dropLast().map { Float($0) }, bias: Float(parameters[parameters.count - 1]))
  }
}

/// Adam's running means (Kingma and Ba 2015).
struct AdamState: Equatable {
  var first: [Double]
  var second: [Double]
  /// So far.
  var steps = 0

  init(count: Int) {
    first = Array(repeating: 0, count: count)
    second = first
  }

  mutating func step(
    _ parameters: inout [Double], _ gradient: [Double], rate: Double, momentum: (first: Double, second: Double),
    epsilon: Double
  ) {
    steps += 1
    let firstCorrection = 1 - pow(momentum.first, Double(steps))
    let secondCorrection = (1 - pow(momentum.second, Double(steps))).squareRoot()
    for index in parameters.indices {
      let slope = gradient[index]
      first[index] = momentum.first * first[index] + (1 - momentum.first) * slope
      second[index] = momentum.second * second[index] + (1 - momentum.second) * slope * slope
      parameters[index] -=
        rate * (first[index] / firstCorrection) / (second[index].squareRoot() / secondCorrection + epsilon)
    }
  }
}

/// The learning rate of the Corvi, Rajan and Stay-Positive trainings.
struct PlateauSchedule: Equatable, Codable {
  private(set) var learningRate: Double
  private let improvement: Double
  private let patience: Int
  private let decay: Double
  private let least: Double
  private var best = -1.0
  private var epochsWithout = 0

  init(learningRate: Double, improvement: Double, patience: Int, decay: Double, least: Double) {
    (self.learningRate, self.improvement, self.patience, self.decay, self.least) = (
      learningRate, improvement, patience, decay, least
    )
  }

  /// - Parameter score: of the epoch that has ended; higher is better.
  /// - Returns: false: the training ends.
  mutating func goesOn(after score: Double) -> Bool {
    if score > best + improvement {
      best = score
      epochsWithout = 0
      return true
    }
    epochsWithout += 1
    if epochsWithout < patience { return true }
    epochsWithout = 0
    learningRate /= decay
    // Not the exact quotient: a tenth of a tenth of 1e-4 is a little less than 1e-6.
    return learningRate >= least * (1 - 1e-9)
  }
}
