import Datasets
import Foundation
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Evaluation

/// Intervals, beside those of SciPy's bootstrap with scikit-learn's metrics.
@Suite struct BootstrapTests {
  private struct Case: Encodable {
    var generators: [[Double]]
    var reals: [Double]
    var confidence: Double
    var resamples = 1500

    init(_ counts: [Int], reals: Int, confidence: Double, seed: UInt64) {
      var random = SeededGenerator(seed: seed)
      func normal(_ mean: Double) -> Double {
        (0..<12).reduce(mean - 6) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }
      }
      generators = counts.enumerated().map { index, count in (0..<count).map { _ in normal(0.5 + Double(index)) } }
      self.reals = (0..<reals).map { _ in normal(-0.5) }
      self.confidence = confidence
    }

    func average() throws -> IntervalValues {
      var images: [LabelledImage] = []
      var outcomes: [ScoreTable.Outcome] = []
      func add(_ directory: String, _ scores: [Double]) throws {
        for (index, score) in scores.enumerated() {
          let name = FilePath("\(directory)/\(index).png")
          images.append(try #require(LabelledImage(path: name, name: name)))
          outcomes.append(.logit(score))
        }
      }
      try add("real", reals)
      for (index, scores) in generators.enumerated() { try add("fake/\(index)", scores) }
      let threshold = try #require(Threshold(0.5))
      let table = ScoreTable(images: images, columns: [.init(name: "m", threshold: threshold, outcomes: outcomes)])
      let bootstrap = Bootstrap(replicates: 600, confidence: confidence, seed: 7)
      return try #require(Evaluator(table, bootstrap).results().first).average
    }
  }

  @Test(
    .enabled(if: ReferencePython.has("sklearn", "scipy"), "needs scikit-learn in .build-venv (make test-dependencies)"))
  func intervalsAreThoseOfSciPy() throws {
    // Small and large generators that share the real images.
    let cases = [Case([12, 40], reals: 50, confidence: 0.9, seed: 2)]
    let directory = TemporaryDirectory()
    let file = directory.write(String(decoding: try JSONEncoder().encode(cases), as: UTF8.self), to: "cases.json")
    let output = try ReferencePython.run(script: "bootstrap_reference.py", [file.string])
    let references = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: [Double]]])
    try #require(references.count == cases.count)
    for (index, (one, reference)) in zip(cases, references).enumerated() {
      let ours = try one.average()
      for metric in [Metric.averagePrecision, .rocAUC] {
        let expected = try #require(reference[metric.rawValue])
        let (lower, upper) = (try #require(ours.lower[metric]), try #require(ours.upper[metric]))
        // Both ends are random, by a tenth of the standard error or less. A confidence of 95 % instead of 90 % would
        // move them by a third of it.
        let tolerance = 0.25 * expected[2]
        #expect(abs(lower - expected[0]) < tolerance, "case \(index), \(metric): \(lower) \(expected)")
        #expect(abs(upper - expected[1]) < tolerance, "case \(index), \(metric): \(upper) \(expected)")
      }
    }
  }
}
