import StayposCore
import SystemPackage
import Testing

@testable import staypos

@Suite struct ComparisonTests {
  private func sample(
    _ path: FilePath, _ logit: Double, _ reference: Double, generated: Bool? = nil
  ) -> PrecisionComparison.Sample {
    func score(_ logit: Double) -> Score { Score(realScore: 0, fakeScore: logit + 1, bias: -1) }
    return PrecisionComparison.Sample(
      path: path, isGenerated: generated, score: score(logit), reference: score(reference))
  }

  @Test func errorsAndFlips() throws {
    let threshold = try #require(Threshold(0.5))
    #expect(PrecisionComparison([], threshold: threshold) == nil)
    // Errors of 0.01, 0.02, … 1.00, of either sign; the logits stay on their side of 0.
    var samples = (1...100).map { index in
      let error = Double(index) / 100 * (index.isMultiple(of: 2) ? 1 : -1)
      return sample(FilePath("\(index)"), 3 + error, 3)
    }
    let comparison = try #require(PrecisionComparison(samples, threshold: threshold))
    let errors = comparison.logitErrors
    for (found, expected) in [
      (errors.mean, 0.505), (errors.median, 0.5), (errors.p90, 0.9), (errors.p99, 0.99), (errors.maximum, 1),
      (errors.bias, 0.005),
    ] {
      #expect(abs(found - expected) < 1e-12)
    }
    #expect(comparison.flips.isEmpty && comparison.labelled == nil)

    samples += [sample("up", 0.1, -0.1), sample("down", -0.1, 0.1), sample("edge", 0, 0.2)]
    let flips = try #require(PrecisionComparison(samples, threshold: threshold)).flips
    #expect(flips.map(\.path) == ["up", "down"])
    #expect(flips.map(\.verdict) == [.flagged, .clear])
  }

  @Test func averagePrecisionOfLabelledImages() throws {
    let samples = [
      sample("a", 1, 4, generated: true), sample("b", 2, 3, generated: true), sample("c", 3, 2, generated: false),
      sample("d", 4, 1),
    ]
    let threshold = try #require(Threshold(0.5))
    let labelled = try #require(PrecisionComparison(samples, threshold: threshold)?.labelled)
    #expect(labelled.generated == 2 && labelled.real == 1)
    #expect(labelled.reference == 1)
    #expect(abs(labelled.averagePrecision - (0.5 * 0.5 + 0.5 * 2 / 3)) < 1e-12)
    #expect(labelled.difference == labelled.averagePrecision - 1)
  }

  @Test func labelsComeFromDirectories() {
    func label(_ path: FilePath) -> Bool? { ModelComparison.label(of: path, below: "/fake/set") }
    #expect(label("/fake/set/real/a.png") == false)
    #expect(label("/fake/set/generated/x/real.png") == true)
    #expect(label("/fake/set/x/fake/a.png") == true)
    #expect(label("/fake/set/a.png") == nil)
    #expect(label("/fake/set/real") == nil)
    #expect(label("/fake/set/really/a.png") == nil)
  }
}
