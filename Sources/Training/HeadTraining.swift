import NeuralNetwork
import StayposCore

/// Algorithm 1 of the Stay-Positive paper, and what it is compared with: a head on the features of a frozen backbone.
package struct HeadTraining: Sendable {
  package enum Variant: String, Sendable, CaseIterable {
    /// Algorithm 1: no weight is ever below zero.
    case positive
    /// An ordinary linear head.
    case unconstrained
    /// Ablation: an ordinary linear head whose weights below zero are set to zero afterwards.
    case clamped
  }

  package enum Optimizer: String, Sendable, CaseIterable {
    /// ``ProjectedNewton``, to the optimum.
    case newton
    /// ``ProjectedAdam``, with the authors' schedule and early stop.
    case adam
  }

  package var variant = Variant.positive
  package var optimizer = Optimizer.newton
  package var newton: ProjectedNewton
  package var adam: ProjectedAdam

  package init(threads: Int) {
    newton = ProjectedNewton(threads: threads)
    adam = ProjectedAdam(threads: threads)
  }

  /// - Parameters:
  ///   - training: with both labels.
  ///   - observe: called after each step or epoch; with the validation's figures, if there is one.
  package func run(
    _ table: FeatureTable, training: LabelledRows, validation: LabelledRows?,
    observe: (TrainingStep) -> Void = { _ in }
  ) throws(NetworkError) -> OptimizerResult {
    precondition(training.hasBothLabels)
    var result: OptimizerResult
    switch optimizer {
    case .newton:
      var newton = newton
      newton.allowsNegative = variant != .positive
      var steps: [TrainingStep] = []
      result = try newton.minimize(table, training) { step, model in
        var step = step
        if let validation {
          let metrics = HeadMetrics(model, on: table, validation, threads: newton.threads)
          step.validationLoss = metrics.loss
          step.validationBalancedAccuracy = metrics.balancedAccuracy
        }
        steps.append(step)
        observe(step)
      }
      result.steps = steps
    case .adam:
      var adam = adam
      adam.allowsNegative = variant != .positive
      result = adam.minimize(table, training, validation: validation) { step, _ in observe(step) }
    }
    if variant == .clamped { result.model = result.model.clamped }
    return result
  }
}
