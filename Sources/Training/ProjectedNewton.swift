import NeuralNetwork

/// Minimizes the mean loss over a head's weights (from 0 on, or free) and its bias, to the optimum.
///
/// Each step minimizes the loss's quadratic model exactly within the bounds, over the weights that are above zero or want to
/// be, and takes as much of the way there as lessens the loss. All is done on standardized features: that changes no
/// solution, and makes the model well conditioned.
///
/// The model's gradient is that of all rows; its curvature, whose matrix takes longer than everything else, that of some of
/// them, many for each weight, drawn at random (Byrd et al. 2011): such a step leaves a few hundredths of what there is to
/// gain. Where one gains much less than the model promised, the following ones take more rows; the last ones take all of
/// them, which leads from nearby to the optimum in a step, and says that it is one.
package struct ProjectedNewton: Sendable {
  /// Whether weights may be below zero.
  package var allowsNegative = false
  /// λ of λ/2 ‖w‖², added to the mean loss.
  package var l2 = 0.0
  /// The end: when the model promises less than this.
  package var tolerance = 1e-8
  package var stepLimit = 100
  /// Rows for each weight of the model, to begin with.
  package var rowsPerWeight = 20
  package var threads: Int

  package init(threads: Int) {
    self.threads = threads
  }

  /// - Parameter observe: called after each step.
  package func minimize(
    _ table: FeatureTable, _ samples: LabelledRows, observe: (TrainingStep, LinearModel) -> Void = { _, _ in }
  ) throws(NetworkError) -> OptimizerResult {
    let clock = ContinuousClock()
    let start = clock.now
    let loss = LogisticLoss(table, samples, threads: threads)
    let (means, deviations) = loss.moments()
    var curvature = CurvatureRows(count: samples.count, perWeight: rowsPerWeight)
    var current = Point(weights: Array(repeating: 0, count: table.columns), intercept: 0)
    var value = evaluate(current, loss)
    var steps: [TrainingStep] = []
    func record() {
      let step = TrainingStep(
        index: steps.count, loss: value.loss, seconds: (clock.now - start) / .seconds(1))
      steps.append(step)
      observe(step, current.model)
    }
    func result(hasConverged: Bool) -> OptimizerResult {
      OptimizerResult(
        model: current.model, steps: steps, hasConverged: hasConverged, seconds: (clock.now - start) / .seconds(1))
    }
    record()
    while steps.count <= stepLimit {
      let step = try modelStep(from: current, value, loss, curvature, means, deviations)
      if !step.isExact, step.promise <= max(tolerance, Self.nearby) {
        curvature.takeAll()
        continue
      }
      if step.promise <= tolerance { return result(hasConverged: true) }
      let curvatureMargins = loss.margins
      var next = current.moved(by: step, share: 1, allowsNegative: allowsNegative)
      var nextValue = evaluate(next, loss)
      if !(nextValue.loss <= value.loss - 1e-4 * step.promise) {
        let share = self.share(from: curvatureMargins, to: loss.margins, current, next, value.loss, step.promise, loss)
        guard let share else {
          // Nothing on the way is lower: what is left to gain is less than the rounding of the loss.
          if step.isExact { return result(hasConverged: true) }
          curvature.takeAll()
          value = evaluate(current, loss)
          continue
        }
        next = current.moved(by: step, share: share, allowsNegative: allowsNegative)
        nextValue = evaluate(next, loss)
      }
      if value.loss - nextValue.loss < step.promise / 2 { curvature.takeMore() }
      (current, value) = (next, nextValue)
      record()
    }
    return result(hasConverged: false)
  }

  /// What the model promises where steps with the curvature of all rows are worth their time.
  private static let nearby = 1e-6

  private struct Point {
    var weights: [Double]
    var intercept: Double

    var model: LinearModel { LinearModel(weights: weights.map { Float($0) }, bias: Float(intercept)) }

    func moved(by step: Step, share: Double, allowsNegative: Bool) -> Point {
      var point = self
      for (column, change) in zip(step.columns, step.changes) {
        // Exactly on the bound where the model says so.
        let weight = weights[column] + share * change
        point.weights[column] = allowsNegative ? weight : max(weight, 0)
      }
      point.intercept += share * step.interceptChange
      return point
    }
  }

  private struct Step {
    var columns: [Int]
    var changes: [Double]
    var interceptChange: Double
    /// What the quadratic model gains.
    var promise: Double
    /// Whether all rows went into its curvature.
    var isExact: Bool
  }

  private func evaluate(_ point: Point, _ loss: LogisticLoss) -> LogisticLoss.Value {
    var value = loss.evaluate(point.weights.map { Float($0) }, point.intercept)
    if l2 > 0 {
      value.loss += l2 / 2 * point.weights.reduce(0) { $0 + $1 * $1 }
      for index in point.weights.indices { value.gradient[index] += l2 * point.weights[index] }
    }
    return value
  }

  private func modelStep(
    from point: Point, _ value: LogisticLoss.Value, _ loss: LogisticLoss, _ curvature: CurvatureRows,
    _ means: [Double], _ deviations: [Double]
  ) throws(NetworkError) -> Step {
    // With u = w·σ and c = b + Σ wμ, the logit is Σ u (x − μ) / σ + c.
    let interceptSlope = value.gradient[point.weights.count]
    let slopes = point.weights.indices.map { (value.gradient[$0] - means[$0] * interceptSlope) / deviations[$0] }
    let columns = point.weights.indices.filter {
      point.weights[$0] > 0 || (allowsNegative ? slopes[$0] != 0 : slopes[$0] < 0)
    }
    let size = columns.count + 1
    let rows = curvature.rows(weights: size)
    var hessian = try loss.hessian(columns, shifts: means, scales: deviations.map { 1 / $0 }, over: rows)
    for (index, column) in columns.enumerated() {
      hessian[index * size + index] += l2 / (deviations[column] * deviations[column])
    }
    let gradient = columns.map { slopes[$0] } + [interceptSlope]
    let lower = columns.map { allowsNegative ? -.infinity : -point.weights[$0] * deviations[$0] } + [-.infinity]
    // Features that say the same leave the matrix singular: some of its diagonal more makes it definite.
    let largest = (0..<size).map { hessian[$0 * size + $0] }.max() ?? 0
    var damping = max(1e-7 * largest, .leastNormalMagnitude)
    while true {
      var damped = hessian
      for index in 0..<size { damped[index * size + index] += damping }
      let model = BoundedQuadratic(hessian: damped, gradient: gradient, lower: lower)
      if let change = model.minimize(guessing: columns.map { point.weights[$0] > 0 } + [true], threads: threads) {
        return step(
          columns, change, gradient, damped, means, deviations, isExact: rows.count == loss.samples.count)
      }
      damping *= 10
    }
  }

  private func step(
    _ columns: [Int], _ change: [Double], _ gradient: [Double], _ hessian: [Double], _ means: [Double],
    _ deviations: [Double], isExact: Bool
  ) -> Step {
    let size = change.count
    var promise = 0.0
    for row in 0..<size where change[row] != 0 {
      var product = 0.0
      for column in 0..<size { product += hessian[row * size + column] * change[column] }
      promise -= change[row] * (gradient[row] + product / 2)
    }
    let changes = zip(columns, change).map { $1 / deviations[$0] }
    let shift = zip(columns, changes).reduce(0) { $0 + means[$1.0] * $1.1 }
    return Step(
      columns: columns, changes: changes, interceptChange: change[size - 1] - shift, promise: promise, isExact: isExact)
  }

  /// How much of a step that is too long: halves, until the loss is low enough. Logits change in proportion, so that no
  /// pass over the table is needed.
  private func share(
    from start: [Double], to end: [Double], _ first: Point, _ last: Point, _ value: Double, _ promise: Double,
    _ loss: LogisticLoss
  ) -> Double? {
    var share = 0.5
    for _ in 0..<30 {
      let margins = zip(start, end).map { $0 + share * ($1 - $0) }
      var candidate = HeadMetrics.loss(of: margins, loss.samples)
      if l2 > 0 {
        candidate +=
          l2 / 2
          * zip(first.weights, last.weights).reduce(0) { sum, pair in
            let weight = pair.0 + share * (pair.1 - pair.0)
            return sum + weight * weight
          }
      }
      if candidate <= value - 1e-4 * share * promise { return share }
      share /= 2
    }
    return nil
  }
}
