import Foundation
import StayposCore
import Testing

@Suite struct ValueTests {
  @Test(arguments: [-0.1, 1.0001, .nan, .infinity, -.infinity])
  func aThresholdIsAProbability(value: Double) {
    #expect(Threshold(value) == nil)
  }

  @Test func flaggedFromTheThresholdOn() throws {
    let score = Score(realScore: 0, fakeScore: 0, bias: 0)
    #expect(score.probability == 0.5)
    #expect(try #require(Threshold(0.5)).verdict(on: score) == .flagged)
    #expect(try #require(Threshold(0.5.nextUp)).verdict(on: score) == .clear)
  }

  @Test func theLogitIsTheSumOfItsParts() {
    let score = Score(realScore: -1.5, fakeScore: 2.25, bias: 0.5)
    #expect(score.logit == 1.25)
    #expect(abs(score.probability - 0.7772998611746911) < 1e-15)
  }

  /// A bound decides where it flags, with a margin for exp(3); a score decides everywhere.
  @Test func whatALowerBoundDecides() throws {
    var score = Score(realScore: 0, fakeScore: 2, bias: 0)
    let exact = try #require(Threshold(score.probability))
    let below = try #require(Threshold(score.probability * (1 - 0x1p-30)))
    let above = try #require(Threshold(score.probability.nextUp))
    for threshold in [exact, below, above] { #expect(threshold.isDecided(by: score)) }
    score.isLowerBound = true
    #expect(below.isDecided(by: score) && !exact.isDecided(by: score) && !above.isDecided(by: score))
    let zero = try #require(Threshold(0))
    #expect(zero.isDecided(by: Score(realScore: 0, fakeScore: 0, bias: -1e9, isLowerBound: true)))
    let one = try #require(Threshold(1))
    #expect(!one.isDecided(by: Score(realScore: 0, fakeScore: 0, bias: 1e9, isLowerBound: true)))
  }

  /// Records made before there were bounds have none.
  @Test func scoresReadBack() throws {
    let old = #"{"bias":-1,"fakeScore":2,"realScore":0}"#
    let score = Score(realScore: 0, fakeScore: 2, bias: -1)
    #expect(try JSONDecoder().decode(Score.self, from: Data(old.utf8)) == score)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(String(decoding: try encoder.encode(score), as: UTF8.self) == old)
    let bound = Score(realScore: 0, fakeScore: 2, bias: -1, isLowerBound: true)
    #expect(try JSONDecoder().decode(Score.self, from: encoder.encode(bound)) == bound)
  }

  @Test func timesReadBack() throws {
    let time = Timestamp(nanoseconds: 1_795_253_400_123_000_000)
    #expect(time.rfc3339 == "2026-11-21T09:30:00.123Z")
    let back = try #require(Timestamp(rfc3339: time.rfc3339))
    #expect(abs(back.nanoseconds - time.nanoseconds) < 1_000)
    #expect(Timestamp(rfc3339: "2026-11-21T09:30:00Z")?.nanoseconds == 1_795_253_400_000_000_000)
    #expect(Timestamp(rfc3339: "yesterday") == nil)
    #expect(time.advanced(by: .milliseconds(-123)).rfc3339 == "2026-11-21T09:30:00.000Z")
  }

  @Test func quarantineIDsSortByTimeAndAreSafeNames() throws {
    let first = QuarantineID(at: Timestamp(nanoseconds: 1_795_253_400_000_000_000), random: 0xFF)
    let second = QuarantineID(at: Timestamp(nanoseconds: 1_795_253_401_000_000_000), random: 1)
    #expect(first.description == "20261121T093000Z-00000000000000ff")
    #expect(first < second)
    #expect(QuarantineID(first.description) == first)
    for text in [
      "", "../../etc/passwd", "20261121T093000Z-00000000000000f", "20261121T093000Z-00000000000000FF",
      "20261121T093000Z/00000000000000ff", "20261121T093000ZZ-0000000000000ff",
    ] {
      #expect(QuarantineID(text) == nil, "\(text)")
    }
  }

  @Test func verdictAndReasonBelongTogether() {
    #expect(Verdict(name: .notScored, reason: .corrupt) == .notScored(.corrupt))
    #expect(Verdict(name: .notScored, reason: nil) == nil)
    #expect(Verdict(name: .clear, reason: .corrupt) == nil)
  }

  @Test func digestsReadBack() throws {
    let text = String(repeating: "0f", count: 32)
    let digest = try #require(SHA256Digest(text.uppercased()))
    #expect(digest.description == text)
    #expect(SHA256Digest(String(text.dropLast())) == nil)
    #expect(SHA256Digest(String(text.dropLast()) + "g") == nil)
  }
}

@Suite struct NumberTests {
  /// NumPy's `quantile` gives the same.
  @Test func quantiles() {
    #expect(Quantile.of([1, 2, 3, 4], 0.5) == 2.5)
    #expect(Quantile.of([1, 2, 3, 4], 0) == 1 && Quantile.of([1, 2, 3, 4], 1) == 4)
    #expect(abs(Quantile.of([1, 2, 4], 0.9) - 3.6) < 1e-12)
    #expect(Quantile.of([7], 0.3) == 7)
  }

  /// The reference implementation's first numbers for the seed 1234567.
  @Test func splitMix64() {
    var generator = SplitMix64(seed: 1_234_567)
    #expect(
      (0..<3).map { _ in generator.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
    var (one, same, other) = (
      SplitMix64(seed: 1, name: [1, 2]), SplitMix64(seed: 1, name: [1, 2]), SplitMix64(seed: 1, name: [2, 1])
    )
    let first = one.next()
    #expect(first == same.next() && first != other.next())
    let values = (0..<1000).map { _ in one.nextUniform() }
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 } && abs(values.reduce(0, +) / 1000 - 0.5) < 0.05)
    #expect(Set((0..<1000).map { _ in one.nextIndex(below: 3) }) == [0, 1, 2])
  }
}
