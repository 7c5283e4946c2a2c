import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import Training

@Suite struct OptimizerTests {
  private struct Solution: Decodable {
    var loss: Double
    var weights: [Double]
    var bias: Double
  }

  private func reference(_ features: SyntheticFeatures, _ arguments: (FilePath, FilePath) -> [String]) throws
    -> Solution
  {
    let directory = TemporaryDirectory()
    let (values, labels) = (directory.path("features"), directory.path("labels"))
    try SciPyReference.write(features.values, to: values)
    try SciPyReference.write(features.labels, to: labels)
    return try SciPyReference.answer(arguments(values, labels))
  }

  /// The same optimum as SciPy's bounded L-BFGS, with and without bounds, with and without a penalty.
  @Test(
    .enabled(if: SciPyReference.isAvailable, "\(SciPyReference.absence)"),
    arguments: [(false, 0.0), (true, 0), (false, 0.01), (true, 0.01)])
  func newtonFindsTheOptimum(_ allowsNegative: Bool, _ l2: Double) throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    for (rows, columns) in [(2_000, 61), (700, 130)] {
      let features = SyntheticFeatures(rows: rows, columns: columns, seed: seed)
      let expected = try reference(features) { values, labels in
        ["bounded", values.string, labels.string, "\(columns)", allowsNegative ? "none" : "zero", "\(l2)"]
      }
      var newton = ProjectedNewton(threads: 2)
      newton.allowsNegative = allowsNegative
      newton.l2 = l2
      let result = try newton.minimize(features.table, features.samples)
      let found = loss(of: result.model, features, l2: l2)
      let place: Comment = "seed \(seed), \(rows)×\(columns): \(found) instead of \(expected.loss)"
      #expect(result.hasConverged && result.steps.count < 40, place)
      #expect(abs(found - expected.loss) <= 1e-6, place)
      if !allowsNegative {
        #expect(result.model.weights.allSatisfy { $0 >= 0 }, place)
        #expect(result.model.weights.contains(0), place)
      }
      // Strictly convex only with a penalty.
      if l2 > 0 {
        let scale = expected.weights.map(\.magnitude).max() ?? 0
        for (weight, other) in zip(result.model.weights, expected.weights) {
          #expect(abs(Double(weight) - other) <= 2e-3 * scale, place)
        }
      }
    }
  }

  /// The same optimum from the curvature of however few rows, of however few of them a feature is not zero in.
  @Test(arguments: [1, 3, 20]) func fewRowsOfCurvatureLeadToTheSameOptimum(_ rowsPerWeight: Int) throws {
    var features = SyntheticFeatures(rows: 3_000, columns: 40, seed: 17)
    for row in 0..<3_000 where row % 500 != 7 { features.values[row * 40] = 0 }
    var samples = features.samples
    samples.balance()
    var newton = ProjectedNewton(threads: 2)
    newton.rowsPerWeight = .max
    let exact = try newton.minimize(features.table, samples)
    newton.rowsPerWeight = rowsPerWeight
    let result = try newton.minimize(features.table, samples)
    let losses = [exact, result].map { HeadMetrics($0.model, on: features.table, samples, threads: 2).loss }
    #expect(result.hasConverged && result.steps.count < 40)
    #expect(abs(losses[0] - losses[1]) <= 1e-7)
    #expect(try newton.minimize(features.table, samples).model == result.model)
  }

  @Test func rowsOfCurvatureAreDrawnOnce() {
    var curvature = CurvatureRows(count: 1_000, perWeight: 10)
    let few = curvature.rows(weights: 20)
    #expect(few.count == 200 && few == few.sorted() && Set(few).count == 200)
    #expect(few == curvature.rows(weights: 20) && Set(few).isSuperset(of: curvature.rows(weights: 7)))
    #expect(curvature.rows(weights: 60) == Array(0..<1_000))
    curvature.takeMore()
    #expect(curvature.rows(weights: 7).count == 280)
    curvature.takeAll()
    #expect(curvature.rows(weights: 1) == Array(0..<1_000))
  }

  /// The same steps as PyTorch's Adam on the same batches.
  @Test(.enabled(if: SciPyReference.isAvailable, "\(SciPyReference.absence)"))
  func adamStepsAsInPyTorch() throws {
    let features = SyntheticFeatures(rows: 512, columns: 70, seed: 7)
    let expected = try reference(features) { values, labels in
      ["adam", values.string, labels.string, "70", "64", "40", "0.01"]
    }
    let loss = LogisticLoss(features.table, features.samples, threads: 2)
    var state = AdamState(count: 71)
    var parameters = [Double](repeating: 0, count: 71)
    for step in 0..<40 {
      let first = step * 64 % 512
      let value = loss.evaluate(parameters.dropLast().map { Float($0) }, parameters[70], rows: first..<first + 64)
      state.step(&parameters, value.gradient, rate: 0.01, momentum: (0.9, 0.999), epsilon: 1e-8)
      for index in 0..<70 { parameters[index] = max(parameters[index], 0) }
    }
    for (parameter, other) in zip(parameters, expected.weights + [expected.bias]) {
      #expect(abs(parameter - other) <= 2e-5)
    }
  }

  @Test func adamLearnsAndNeverGoesBelowZero() throws {
    let features = SyntheticFeatures(rows: 600, columns: 40, seed: 3)
    var adam = ProjectedAdam(threads: 2)
    adam.learningRate = 0.01
    adam.batch = 64
    adam.leastLearningRate = 1e-3
    var epochs = 0
    let result = adam.minimize(features.table, features.samples, validation: nil) { _, model in
      epochs += 1
      #expect(model.weights.allSatisfy { $0 >= 0 })
    }
    #expect(result.hasConverged && epochs == result.steps.count)
    #expect(HeadMetrics(result.model, on: features.table, features.samples, threads: 1).balancedAccuracy > 0.6)
    let again = adam.minimize(features.table, features.samples, validation: nil)
    #expect(again.model == result.model)
  }

  /// An epoch of few images is a single step, and at first all of them are called generated: the training does not end
  /// before that has changed. What is kept is the best epoch, not the first of equals.
  @Test func adamLearnsFromFewImages() throws {
    let features = SyntheticFeatures(rows: 120, columns: 64, seed: 13)
    var (fit, validation) = (LabelledRows(), LabelledRows())
    for (row, label) in features.labels.enumerated() {
      if row % 3 == 0 {
        validation.append(row, isGenerated: label == 1)
      } else {
        fit.append(row, isGenerated: label == 1)
      }
    }
    let result = ProjectedAdam(threads: 1).minimize(features.table, fit, validation: validation)
    let metrics = HeadMetrics(result.model, on: features.table, validation, threads: 1)
    #expect(result.hasConverged)
    #expect(metrics.balancedAccuracy > 0.6 && metrics.falsePositiveRate < 0.5)
    let best = try #require(result.steps.compactMap(\.validationBalancedAccuracy).max())
    let equals = result.steps.filter { $0.validationBalancedAccuracy == best }
    #expect(metrics.balancedAccuracy == best)
    #expect(metrics.loss == equals.compactMap(\.validationLoss).min())
  }

  /// The least of the minimum along every single variable, and bounds that hold: nothing else is the minimum of a strictly
  /// convex function.
  @Test func boundedQuadraticsAreSolvedExactly() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    var random = SeededGenerator(seed: seed)
    for size in [1, 2, 5, 40, 130] {
      let root = (0..<size * size).map { _ in Double.random(in: -1...1, using: &random) }
      var hessian = [Double](repeating: 0, count: size * size)
      for row in 0..<size {
        for column in 0..<size {
          var sum = row == column ? 0.01 : 0
          for index in 0..<size { sum += root[row * size + index] * root[column * size + index] }
          hessian[row * size + column] = sum
        }
      }
      let gradient = (0..<size).map { _ in Double.random(in: -1...1, using: &random) }
      let lower = (0..<size).map { _ in
        Bool.random(using: &random) ? -.infinity : Double.random(in: -0.5...0, using: &random)
      }
      let problem = BoundedQuadratic(hessian: hessian, gradient: gradient, lower: lower)
      let guess = (0..<size).map { _ in Bool.random(using: &random) }
      let solution = try #require(problem.minimize(guessing: guess, threads: 2), "seed \(seed)")
      for index in 0..<size {
        var slope = gradient[index]
        for column in 0..<size { slope += hessian[index * size + column] * solution[column] }
        let isAtBound = solution[index] <= lower[index] + 1e-12
        #expect(solution[index] >= lower[index] - 1e-12, "seed \(seed)")
        #expect(isAtBound ? slope >= -1e-8 : abs(slope) <= 1e-8, "seed \(seed), size \(size): slope \(slope)")
      }
    }
  }

  /// Any number of threads gives the same bits.
  @Test func threadsChangeNothing() {
    let features = SyntheticFeatures(rows: 1_037, columns: 77, seed: 5)
    let weights = (0..<77).map { Float($0 % 5) / 10 }
    let values = [1, 2, 3].map { threads in
      LogisticLoss(features.table, features.samples, threads: threads).evaluate(weights, -0.5)
    }
    #expect(values.allSatisfy { $0.loss == values[0].loss && $0.gradient == values[0].gradient })
  }

  @Test func gradientIsTheLossesSlope() {
    let features = SyntheticFeatures(rows: 333, columns: 19, seed: 9)
    var samples = features.samples
    samples.balance()
    let loss = LogisticLoss(features.table, samples, threads: 2)
    let weights = (0..<19).map { Double($0 % 7) / 20 }
    let value = loss.evaluate(weights.map { Float($0) }, 0.1)
    #expect(abs(value.loss - naiveLoss(weights, 0.1, features, samples)) < 1e-6)
    for index in 0..<20 {
      func at(_ change: Double) -> Double {
        var moved = weights
        if index < 19 { moved[index] += change }
        return naiveLoss(moved, index == 19 ? 0.1 + change : 0.1, features, samples)
      }
      let slope = (at(1e-5) - at(-1e-5)) / 2e-5
      #expect(abs(slope - value.gradient[index]) <= 1e-5 * max(1, abs(slope)))
    }
  }

  /// The classes can be told apart without an error: the loss has no minimum, and training has to end nevertheless.
  @Test func separableClassesEnd() throws {
    var features = SyntheticFeatures(rows: 100, columns: 30, seed: 11)
    for row in 0..<100 { features.values[row * 30] = features.labels[row] }
    let result = try ProjectedNewton(threads: 2).minimize(features.table, features.samples)
    #expect(result.hasConverged)
    #expect(HeadMetrics(result.model, on: features.table, features.samples, threads: 1).balancedAccuracy == 1)
  }

  private func loss(of model: LinearModel, _ features: SyntheticFeatures, l2: Double) -> Double {
    naiveLoss(model.weights.map { Double($0) }, Double(model.bias), features, features.samples)
      + l2 / 2 * model.weights.reduce(0) { $0 + Double($1) * Double($1) }
  }

  private func naiveLoss(
    _ weights: [Double], _ bias: Double, _ features: SyntheticFeatures, _ samples: LabelledRows
  ) -> Double {
    var (sum, total) = (0.0, 0.0)
    for row in 0..<samples.count {
      var z = bias
      for column in 0..<features.columns {
        z += weights[column] * Double(features.values[row * features.columns + column])
      }
      sum += Double(samples.weights[row]) * (max(z, 0) + log1p(exp(-abs(z))) - Double(samples.labels[row]) * z)
      total += Double(samples.weights[row])
    }
    return sum / total
  }
}
