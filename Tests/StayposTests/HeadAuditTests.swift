import Detection
import FoundationEssentials
import StayposCore
import Testing

@testable import staypos

@Suite struct HeadAuditTests {
  private func audit() throws -> HeadAudit {
    let head = Head.linear(try LinearHead(weights: [-2, 3, 0, -1, 0.5], bias: -1))
    return HeadAudit(head, threshold: try #require(Threshold(0.5)))
  }

  private func add(_ features: [Double], _ isGenerated: Bool?, to audit: inout HeadAudit) {
    let weights = [-2.0, 3, 0, -1, 0.5]
    let products = zip(weights, features).map { $0 * $1 }
    let score = Score(
      realScore: products.filter { $0 < 0 }.reduce(0, +), fakeScore: products.filter { $0 > 0 }.reduce(0, +), bias: -1)
    audit.add(score, features, isGenerated: isGenerated)
  }

  @Test func theHeadAlone() throws {
    let audit = try audit()
    #expect(audit.real == HeadAudit.Side(features: 2, weight: -3))
    #expect(audit.fake == HeadAudit.Side(features: 2, weight: 3.5))
    #expect(audit.unused == 1)
    #expect(audit.averagePrecision == nil && audit.groups.isEmpty && audit.strongest(5, real: true).isEmpty)
    let object = try JSONDecoder().decode([String: JSONValue].self, from: JSONEncoder().encode(audit))
    #expect(Set(object.keys) == ["real", "fake", "unused"])
  }

  @Test func clampingDropsWhatSpeaksForRealImages() throws {
    var audit = try audit()
    // Logits −1 − 4 + 3 = −2, clamped 2; 5, clamped 5; −3, clamped −1.
    add([2, 1, 9, 0, 0], false, to: &audit)
    add([0, 2, 9, 0, 0], true, to: &audit)
    add([1, 0, 9, 0, 0], nil, to: &audit)
    #expect(audit.verdictChanges == 1)
    #expect(audit.averagePrecision == HeadAudit.AveragePrecisions(asItIs: 1, clamped: 1))
    let real = try #require(audit.groups["real"])
    #expect(real.images == 1 && real.flagged == 0 && real.flaggedClamped == 1)
    #expect(real.logit == -2 && real.clampedLogit == 2)
    #expect(real.realShare == 4.0 / 7)
    #expect(audit.groups["unlabelled"]?.realShare == 1)
    // Features 3 and 4 have weights, but nobody saw them.
    #expect(audit.silent == 2)
    #expect(
      audit.strongest(1, real: true) == [
        HeadAudit.Feature(index: 0, weight: -2, meanValue: 1, contribution: -2)
      ])
    #expect(audit.strongest(5, real: false).map(\.index) == [1, 4])
    #expect(audit.lines.contains { $0.contains("verdict changes    1 of 3") })

    // A real image that only its real features told from a generated one.
    add([9, 3, 0, 0, 0], false, to: &audit)
    let precisions = try #require(audit.averagePrecision)
    #expect(precisions.asItIs == 1 && precisions.clamped == 0.5)
  }
}
