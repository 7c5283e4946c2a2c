import Datasets
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Evaluation

@Suite struct EvaluatorTests {
  private func image(_ name: String) throws -> LabelledImage {
    try #require(LabelledImage(path: FilePath(name), name: FilePath(name)))
  }

  private func table(_ scores: [(String, Double?)], models: Int = 1) throws -> ScoreTable {
    let threshold = try #require(Threshold(0.5))
    let outcomes = scores.map { $0.1.map { ScoreTable.Outcome.logit($0) } ?? .notScored(.corrupt, detail: "x") }
    return ScoreTable(
      images: try scores.map { try image($0.0) },
      columns: (0..<models).map { .init(name: "model \($0)", threshold: threshold, outcomes: outcomes) })
  }

  @Test func generatorsMeetTheRealImagesOfTheirGroup() throws {
    let plan = { (table: ScoreTable) in ComparisonPlan(table.images, kept: table.common) }
    let shared = try plan(table([("real/a/1", 0), ("real/b/2", 0), ("fake/x/3", 0), ("fake/y/4", 0)]))
    #expect(shared.comparisons.map(\.name) == ["x", "y"])
    #expect(shared.pools == [[0, 1]] && shared.comparisons.allSatisfy { $0.pools == [0] })

    let grouped = try plan(
      table([("g/0_real/1", 0), ("g/c/1_fake/2", 0), ("h/0_real/3", 0), ("h/1_fake/z/4", 0), ("i/1_fake/5", 0)]))
    #expect(grouped.comparisons.map(\.name) == ["g", "h/z", "i"])
    #expect(grouped.pools == [[0], [2]])
    // The last group has no real images: all are its own.
    #expect(grouped.comparisons.map(\.pools) == [[0], [1], [0, 1]])
  }

  @Test func imagesWithoutAScoreCountAsNeither() throws {
    let scores: [(String, Double?)] = [
      ("real/1", -1), ("real/2", nil), ("real/3", 2), ("fake/x/4", 1), ("fake/x/5", nil), ("fake/y/6", -3),
    ]
    let result = try #require(Evaluator(try table(scores), Bootstrap(replicates: 0)).results().first)
    #expect(result.pooled.reals == 2 && result.pooled.fakes == 2)
    #expect(result.pooled.metrics.values[.falsePositiveRate] == 0.5)
    #expect(result.rows.map(\.fakes) == [1, 1])
    #expect(result.rows.map { $0.metrics.values[.rocAUC] } == [0.5, 0])
    #expect(result.average.values[.rocAUC] == 0.25)
    #expect(result.reals.map(\.count) == [2])
    #expect(result.average.lower[.rocAUC] == nil)
  }

  /// Two models with the same scores get the same intervals: they see the same draws.
  @Test func intervalsAreReproducibleAndPaired() throws {
    var random = SeededGenerator(seed: 5)
    let scores = (0..<200).map { index in
      (
        index.isMultiple(of: 2) ? "real/\(index)" : "fake/\(index % 3)/\(index)",
        Double?.some(Double.random(in: -1...1, using: &random) + (index.isMultiple(of: 2) ? 0 : 0.7))
      )
    }
    let results = Evaluator(try table(scores, models: 2), Bootstrap(replicates: 200, seed: 3)).results()
    #expect(results[0].average == results[1].average)
    #expect(results[0].difference == nil)
    let difference = try #require(results[1].difference)
    #expect(difference.values[.rocAUC] == 0 && difference.lower[.rocAUC] == 0 && difference.upper[.rocAUC] == 0)
    let again = Evaluator(try table(scores), Bootstrap(replicates: 200, seed: 3)).results()
    #expect(again[0].pooled.metrics == results[0].pooled.metrics)
    let other = Evaluator(try table(scores), Bootstrap(replicates: 200, seed: 4)).results()
    #expect(other[0].pooled.metrics != results[0].pooled.metrics)
    for metric in Metric.allCases {
      let interval = results[0].pooled.metrics
      let (lower, value, upper) = try (
        #require(interval.lower[metric]), #require(interval.values[metric]), #require(interval.upper[metric])
      )
      #expect(lower <= value && value <= upper && upper <= 1, "\(metric)")
    }
  }

  /// Of a rate the interval is the binomial one.
  @Test func intervalsAreAsWideAsTheyShouldBe() throws {
    let scores = (0..<400).map { ("real/\($0)", Double?.some($0 < 100 ? 1 : -1)) } + [("fake/1", 1)]
    let result = try #require(Evaluator(try table(scores), Bootstrap(replicates: 2000)).results().first)
    let (lower, upper) = try (
      #require(result.pooled.metrics.lower[.falsePositiveRate]),
      #require(result.pooled.metrics.upper[.falsePositiveRate])
    )
    // 1.96 · √(0.25 · 0.75 / 400) = 0.0424
    #expect(abs(lower - (0.25 - 0.0424)) < 0.008 && abs(upper - (0.25 + 0.0424)) < 0.008, "\(lower)…\(upper)")
  }

  @Test func scoresAreReadAsTheyWereWritten() throws {
    let directory = TemporaryDirectory()
    var written = try table(
      [("real/a,b/1.png", 0.1 + 0.2), ("fake/x/2.png", nil), ("g/val/fake/3.png", -1e-9)], models: 2)
    written.columns[1].outcomes[0] = .logit(5)
    let file = directory.path("scores.csv")
    let descriptor = try FileDescriptor.open(file, .writeOnly, options: .create, permissions: .ownerReadWrite)
    try descriptor.closeAfter { _ = try descriptor.writeAll(written.csv) }
    let threshold = try #require(Threshold(0.5))
    let read = try ScoreTable(reading: file, columns: [], split: nil, threshold: threshold)
    #expect(read.columns.map(\.name) == ["model 0", "model 1"])
    for (one, other) in zip(read.columns, written.columns) {
      #expect(one.outcomes.map(\.logit) == other.outcomes.map(\.logit))
    }
    #expect(read.images.map(\.name) == written.images.map(\.name))
    #expect(read.images.map(\.label) == written.images.map(\.label))
    #expect(read.images.map(\.source) == ["a,b", "x", nil])
    #expect(read.images.map(\.group) == [nil, nil, "g"])
    #expect(
      try ScoreTable(reading: file, columns: ["model 1"], split: .validation, threshold: threshold).images.count == 1)
    #expect(throws: DatasetError.self) {
      try ScoreTable(reading: file, columns: ["model 7"], split: nil, threshold: threshold)
    }
  }
}
