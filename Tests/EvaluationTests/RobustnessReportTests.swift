import Datasets
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Evaluation

@Suite struct RobustnessReportTests {
  private let images: [LabelledImage]

  init() throws {
    images = try (0..<120).map { index in
      let name = FilePath(index.isMultiple(of: 2) ? "real/\(index)" : "fake/\(index % 3)/\(index)")
      return try #require(LabelledImage(path: name, name: name))
    }
  }

  /// Fake images are the higher above the real ones, the larger the separation.
  private func column(_ name: String, separation: Double, seed: UInt64) throws -> ScoreTable.Column {
    var random = SeededGenerator(seed: seed)
    let outcomes = images.map { image in
      ScoreTable.Outcome.logit(Double.random(in: -1...1, using: &random) + (image.label == .fake ? separation : 0))
    }
    return ScoreTable.Column(name: name, threshold: try #require(Threshold(0.5)), outcomes: outcomes)
  }

  /// Separations of each model: as they are, and at two strengths.
  private func report(_ models: [[Double]], replicates: Int = 200) throws -> RobustnessReport {
    let points = try [nil, 80, 40].enumerated().map { place, value in
      let columns = try models.enumerated().map { model, separations in
        try column("model \(model)", separation: separations[place], seed: UInt64(10 * model + place))
      }
      return RobustnessReport.Point(
        value: value,
        report: EvaluationReport(
          dataset: "x", table: ScoreTable(images: images, columns: columns),
          bootstrap: Bootstrap(replicates: replicates)))
    }
    return RobustnessReport(dataset: "x", sweep: .webp, transformed: .fake, points: points)
  }

  /// The first model loses what it had; the second has less, and keeps it.
  @Test func whatIsLostIsComparedOverAllStrengths() throws {
    let report = try report([[2.5, 0.2, 0], [0.8, 0.8, 0.8]])
    let means = try #require(report.means)
    let values = report.points.map { point in
      point.report.results.map { $0.average.values[.averagePrecision] ?? .nan }
    }
    for model in 0...1 {
      let mean = (values[1][model] + values[2][model]) / 2
      #expect(abs((means[model].average.values[.averagePrecision] ?? 0) - mean) < 1e-12)
      #expect(abs((means[model].change.values[.averagePrecision] ?? 0) - (mean - values[0][model])) < 1e-12)
    }
    #expect(means[0].difference == nil && means[0].changeDifference == nil)
    let difference = try #require(means[1].changeDifference)
    let expected = (values[1][1] + values[2][1]) / 2 - values[0][1] - (values[1][0] + values[2][0]) / 2 + values[0][0]
    let (lower, upper) = try (
      #require(difference.lower[.averagePrecision]), #require(difference.upper[.averagePrecision])
    )
    #expect(abs((difference.values[.averagePrecision] ?? 0) - expected) < 1e-12)
    #expect(0 < lower && lower < expected && expected < upper && upper - lower < 0.5)
    // Of the images as they are the first model is the better one, surely.
    #expect((report.points[0].report.results[1].difference?.upper[.averagePrecision] ?? 1) < 0)
  }

  /// Draws are the same at all strengths and for all models: what does not differ has no width.
  @Test func differencesArePaired() throws {
    let one = try column("one", separation: 0.7, seed: 1)
    var same = one
    same.name = "same"
    let points = [nil, 80, 40].map { value in
      RobustnessReport.Point(
        value: value,
        report: EvaluationReport(
          dataset: "x", table: ScoreTable(images: images, columns: [one, same]), bootstrap: Bootstrap(replicates: 50)))
    }
    let means = try #require(RobustnessReport(dataset: "x", sweep: .jpeg, transformed: nil, points: points).means)
    let widths = [means[0].change, means[1].difference, means[1].change, means[1].changeDifference]
    for interval in widths {
      let found = try #require(interval)
      #expect(found.lower[.rocAUC] == 0 && found.upper[.rocAUC] == 0)
    }
    #expect(means[0].average.lower[.rocAUC] != means[0].average.upper[.rocAUC])
  }

  @Test func otherImagesAtAStrengthAreNotCompared() throws {
    let whole = try report([[1, 0.5, 0], [1, 1, 1]], replicates: 5)
    var points = whole.points
    var table = points[2].report.table
    table.columns[0].outcomes[7] = .notScored(.tooSmall, detail: "")
    points[2].report = EvaluationReport(dataset: "x", table: table, bootstrap: Bootstrap(replicates: 5))
    let report = RobustnessReport(dataset: "x", sweep: .webp, transformed: .fake, points: points)
    #expect(report.means == nil)
    #expect(report.differences(.averagePrecision)?.rows.map(\.first) == ["original", "80", "40"])
    #expect(whole.differences(.averagePrecision)?.rows.map(\.first) == ["original", "80", "40", "mean", "change"])
  }

  @Test func filesHoldTheDifferences() throws {
    let report = try report([[2.5, 0.2, 0], [0.8, 0.8, 0.8]])
    let lines = String(decoding: report.csv, as: UTF8.self).split(whereSeparator: \.isNewline).map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(lines.allSatisfy { $0.count == lines[0].count })
    let place = try #require(lines[0].firstIndex(of: "averagePrecision"))
    func value(_ strength: String, _ row: String) throws -> Double? {
      let line = lines.first { $0[1] == strength && $0[2] == "model 1" && $0[3] == row }
      return try #require(line, "\(strength) \(row)").dropFirst(place).first.flatMap { Double($0) }
    }
    let means = try #require(report.means?[1])
    #expect(try value("mean", "average") == means.average.values[.averagePrecision])
    #expect(try value("mean", "difference") == means.difference?.values[.averagePrecision])
    #expect(try value("change", "difference") == means.changeDifference?.values[.averagePrecision])
    #expect(try value("80", "difference") == report.points[1].report.results[1].difference?.values[.averagePrecision])
    #expect(!lines.contains { $0[2] == "model 0" && $0[3] == "difference" })
    #expect(report.markdown.contains("less model 0"))
  }
}
