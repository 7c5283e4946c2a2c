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
