import Foundation
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Evaluation

@Suite struct MetricsTests {
  struct Case: Encodable {
    var scores: [Double]
    var labels: [Int]
    var threshold: Double

    var ranked: RankedScores? {
      Threshold(threshold).map { threshold in
        RankedScores(
          fakes: zip(scores, labels).filter { $0.1 == 1 }.map(\.0),
          reals: zip(scores, labels).filter { $0.1 == 0 }.map(\.0),
          threshold: threshold)
      }
    }
  }

  static func random(_ seed: UInt64) -> Case {
    var random = SeededGenerator(seed: seed)
    let count = Int.random(in: 1...60, using: &random)
    // Few different values: most scores are tied.
    let steps = Double(Int.random(in: 1...40, using: &random))
    let share: Double = [0, 0.05, 0.5, 1].randomElement(using: &random) ?? 0.5
    let shift = Double.random(in: 0...2, using: &random)
    let labels = (0..<count).map { _ -> Int in Double.random(in: 0..<1, using: &random) < share ? 1 : 0 }
    let scores = labels.map { label -> Double in
      ((Double.random(in: -3...3, using: &random) + shift * Double(label)) * steps).rounded() / steps
    }
    return Case(scores: scores, labels: labels, threshold: [0, 0.3, 0.5, 0.9, 1].randomElement(using: &random) ?? 0.5)
  }

  @Test(.enabled(if: ReferencePython.has("sklearn"), "needs scikit-learn in .build-venv (make test-dependencies)"))
  func theSameAsScikitLearn() throws {
    let first = UInt64.random(in: 0..<1 << 40)
    print("seeds from \(first)")
    let cases = (first..<first + 400).map(Self.random)
    let directory = TemporaryDirectory()
    let file = directory.write(String(decoding: try JSONEncoder().encode(cases), as: UTF8.self), to: "cases.json")
    let output = try ReferencePython.run(script: "metrics_reference.py", [file.string])
    let references = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]])
    try #require(references.count == cases.count)
    var defined: [Metric: Int] = [:]
    for (index, (one, reference)) in zip(cases, references).enumerated() {
      let ranked = try #require(one.ranked)
      for metric in Metric.allCases {
        let (found, expected) = (ranked.metrics[metric], reference[metric.rawValue] as? Double)
        #expect((found == nil) == (expected == nil), "seed \(first + UInt64(index)): \(metric)")
        guard let found, let expected else { continue }
        defined[metric, default: 0] += 1
        #expect(abs(found - expected) < 1e-12, "seed \(first + UInt64(index)): \(metric) \(found) \(expected)")
      }
      if let curve = reference["roc"] as? [[Double]] {
        let roc = ranked.roc
        #expect(zip(roc, curve[0]).allSatisfy { abs($0.falsePositiveRate - $1) < 1e-12 } && roc.count == curve[0].count)
        #expect(zip(roc, curve[1]).allSatisfy { abs($0.truePositiveRate - $1) < 1e-12 })
      }
      // Theirs begins at the lowest threshold and ends with a point of its own.
      if let curve = reference["precisionRecall"] as? [[Double]] {
        let (recall, precision) = (curve[0].dropLast().reversed(), curve[1].dropLast().reversed())
        let ours = ranked.precisionRecall.suffix(recall.count)
        #expect(zip(ours, recall).allSatisfy { abs($0.recall - $1) < 1e-12 })
        #expect(zip(ours, precision).allSatisfy { abs($0.precision - $1) < 1e-12 })
      }
    }
    // The random cases really cover both kinds.
    #expect(defined[.averagePrecision].map { $0 > 100 && $0 < cases.count } == true)
  }

  /// Counting an image twice is the same as having it twice.
  @Test func weightsAreCopies() throws {
    for seed in UInt64(0)..<200 {
      let one = Self.random(seed)
      var random = SeededGenerator(seed: ~seed)
      let counts = one.scores.map { _ in Int.random(in: 0...3, using: &random) }
      let copied = Case(
        scores: zip(one.scores, counts).flatMap { Array(repeating: $0, count: $1) },
        labels: zip(one.labels, counts).flatMap { Array(repeating: $0, count: $1) }, threshold: one.threshold)
      func weights(_ label: Int) -> [Int] { zip(one.labels, counts).filter { $0.0 == label }.map(\.1) }
      let weighted = try #require(one.ranked).metrics(RankedScores.Weights(fakes: weights(1), reals: weights(0)))
      let expected = try #require(copied.ranked).metrics
      for metric in Metric.allCases {
        #expect((weighted[metric] == nil) == (expected[metric] == nil), "seed \(seed) \(metric)")
        #expect(abs((weighted[metric] ?? 0) - (expected[metric] ?? 0)) < 1e-12, "seed \(seed) \(metric)")
      }
    }
  }

  @Test func extremes() throws {
    let threshold = try #require(Threshold(0.5))
    let perfect = RankedScores(fakes: [1, 2], reals: [-1, -2], threshold: threshold).metrics
    for metric in Metric.allCases {
      #expect(perfect[metric] == ([.falsePositiveRate, .falseNegativeRate].contains(metric) ? 0 : 1), "\(metric)")
    }
    let tied = RankedScores(fakes: [0], reals: [0, 0, 0], threshold: threshold).metrics
    #expect(tied[.averagePrecision] == 0.25 && tied[.rocAUC] == 0.5)
    // A probability of exactly the threshold is flagged.
    #expect(tied[.falsePositiveRate] == 1 && tied[.falseNegativeRate] == 0)
    let infinite = RankedScores(fakes: [.infinity], reals: [-.infinity], threshold: threshold).metrics
    #expect(infinite[.averagePrecision] == 1)
    let none = RankedScores(fakes: [], reals: [], threshold: threshold).metrics
    #expect(Metric.allCases.allSatisfy { none[$0] == nil })
  }

  @Test func fusions() {
    func probability(_ logit: Double) -> Double { 1 / (1 + exp(-logit)) }
    for seed in UInt64(0)..<100 {
      var random = SeededGenerator(seed: seed)
      let logits = (0..<Int.random(in: 1...4, using: &random)).map { _ in Double.random(in: -6...6, using: &random) }
      let or = 1 - logits.reduce(1) { $0 * (1 - probability($1)) }
      #expect(abs(probability(Fusion.softOr.fuse(logits)) - or) < 1e-12, "seed \(seed)")
      #expect(Fusion.max.fuse(logits) == logits.max())
      #expect(abs(Fusion.mean.fuse(logits) - logits.reduce(0, +) / Double(logits.count)) < 1e-12)
    }
    // Where probabilities are 0 or 1 to all digits, the order is kept.
    #expect(abs(Fusion.softOr.fuse([-800, -800]) - (-800 + log(2))) < 1e-9)
    #expect(Fusion.softOr.fuse([900, 100]) == 1000)
    #expect(abs(Fusion.softOr.fuse([-40]) + 40) < 1e-9)
  }
}
