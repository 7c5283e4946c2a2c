import Datasets
import StayposCore
import SystemPackage
import TestSupport
import Testing

@testable import Evaluation

@Suite struct LocalisationTests {
  /// Against the definitions, cut by cut.
  @Test func random() {
    for seed in UInt64(0)..<200 {
      var random = SeededGenerator(seed: seed)
      let count = Int.random(in: 1...40, using: &random)
      let evidence = (0..<count).map { _ in Double(Int.random(in: 0...9, using: &random)) }
      let share: Double = [0, 0.2, 0.8, 1].randomElement(using: &random) ?? 0
      let mask = (0..<count).map { _ -> Bool in Double.random(in: 0..<1, using: &random) < share }
      func overlap(_ cut: Double) -> Double {
        let pairs = zip(evidence, mask).map { ($0 >= cut, $1) }
        let either = pairs.count { $0 || $1 }
        return either == 0 ? 0 : Double(pairs.count { $0 && $1 }) / Double(either)
      }
      let found = Localisation(evidence: evidence, mask: mask, cut: 5)
      #expect(found.intersectionOverUnion == overlap(5), "seed \(seed)")
      let best = (0...9).map { overlap(Double($0)) }.max() ?? 0
      #expect(abs(found.bestIntersectionOverUnion - best) < 1e-12, "seed \(seed)")
      let threshold = Threshold(0.5)
      let precision = threshold.flatMap { threshold in
        RankedScores(
          fakes: zip(evidence, mask).filter { $0.1 }.map(\.0), reals: zip(evidence, mask).filter { !$0.1 }.map(\.0),
          threshold: threshold
        ).metrics[.averagePrecision]
      }
      #expect(
        found.pixelAveragePrecision.map { abs($0 - (precision ?? -1)) < 1e-12 } ?? (precision == nil), "seed \(seed)")
      #expect(found.share == Double(mask.count { $0 }) / Double(count))
    }
  }

  @Test func binsCoverAllShares() throws {
    let bins = InpaintingReport.bins(edges: [5, 10, 50])
    #expect(bins.map(\.lower) == [0, 5, 10, 50] && bins.map(\.upper) == [5, 10, 50, 100])
    #expect(bins.map(\.name) == bins.map(\.name).sorted())

    func image(_ name: String) throws -> LabelledImage {
      try #require(LabelledImage(path: FilePath(name), name: FilePath(name)))
    }
    func localisation(_ marked: Int, of count: Int) -> Localisation {
      Localisation(
        evidence: (0..<count).map { $0 < marked ? 1 : 0 }, mask: (0..<count).map { $0 < marked }, cut: 0.5)
    }
    let threshold = try #require(Threshold(0.5))
    let table = ScoreTable(
      images: try ["real/a", "fake/b", "fake/c", "fake/d"].map(image),
      columns: [
        .init(
          name: "m", threshold: threshold,
          outcomes: [.logit(0), .logit(1), .logit(-1), .notScored(.corrupt, detail: "")])
      ])
    let report = InpaintingReport(
      dataset: "x", table: table, localisations: [[nil, localisation(5, of: 100), localisation(60, of: 100), nil]],
      bins: bins, bootstrap: Bootstrap(replicates: 10))
    let rows = try #require(report.models.first).rows
    #expect(rows.map(\.bin) == [bins[0], bins[3]])
    #expect(rows.map(\.count) == [1, 1])
    #expect(rows.map { $0.detection.values[.rocAUC] } == [1, 0])
    #expect(rows.allSatisfy { $0.intersectionOverUnion == 1 && $0.pixelAveragePrecision == 1 })
    #expect(report.report.leftOut == 1)
    #expect(rows.allSatisfy { $0.difference == nil })
  }

  @Test func differencesToTheFirstModel() throws {
    func image(_ name: String) throws -> LabelledImage {
      try #require(LabelledImage(path: FilePath(name), name: FilePath(name)))
    }
    let threshold = try #require(Threshold(0.5))
    // The first model ranks both inpainted images below the real ones, the second above.
    let columns = [("worst", [2.0, 3, 1, 0]), ("best", [0, 1, 2, 3])].map { name, logits in
      ScoreTable.Column(name: name, threshold: threshold, outcomes: logits.map { .logit($0) })
    }
    let localisation = { (marked: Int) in
      Localisation(evidence: (0..<10).map { Double($0) }, mask: (0..<10).map { $0 < marked }, cut: 5)
    }
    let report = InpaintingReport(
      dataset: "x",
      table: ScoreTable(images: try ["real/a", "real/b", "fake/c", "fake/d"].map(image), columns: columns),
      localisations: columns.map { _ in [nil, nil, localisation(2), localisation(9)] },
      bins: InpaintingReport.bins(edges: [50]), bootstrap: Bootstrap(replicates: 20))
    let differences = try #require(report.models.last).rows.map(\.difference)
    for difference in differences {
      let found = try #require(difference)
      // One image below two: 1/3.
      #expect(abs((found.values[.averagePrecision] ?? 0) - 2.0 / 3) < 1e-12)
      #expect(found.values[.rocAUC] == 1 && found.lower[.rocAUC] == 1 && found.upper[.rocAUC] == 1)
    }
    #expect(report.report.results[1].difference?.values[.rocAUC] == 1)
    let lines = String(decoding: report.csv, as: UTF8.self).split(whereSeparator: \.isNewline).map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(lines.allSatisfy { $0.count == 13 } && lines.count == 5)
    #expect(lines[1].suffix(3).allSatisfy(\.isEmpty) && lines[4].suffix(3).allSatisfy { Double($0) != nil })
    #expect(report.markdown.contains("AP less worst"))
  }
}
