import StayposCore
import SystemPackage
import Testing

@testable import Journaling

/// Fields and lines, without a journal.
struct EntryTests {
  private let time = Timestamp(seconds: 1_795_253_400, nanoseconds: 0)

  @Test func fieldsCarryExactBytes() {
    let bytes = Array("/up/a\nPRIORITY=0".utf8) + [0xFF]
    let entry = JournalEntry(Event(.clear, .info, "Clear", path: FilePath(bytes: bytes)), at: time)
    #expect(entry.fields.contains(JournalField("STAYPOS_PATH", bytes)))
    #expect(entry.message == #"Clear: /up/a\x0aPRIORITY=0\xff"#)
  }

  @Test func absentThingsHaveNoField() {
    let entry = JournalEntry(Event(.started, .info, "Started"), at: time)
    #expect(entry.fields.map(\.name) == ["MESSAGE_ID", "STAYPOS_EVENT"])
  }

  @Test func aBoundIsCalledOne() {
    func entry(_ score: Score) -> JournalEntry {
      JournalEntry(Event(.flagged, .warning, "Flagged", verdict: .flagged, score: score), at: time)
    }
    let score = entry(Score(realScore: 0, fakeScore: 1, bias: -1))
    #expect(score.details == "verdict=flagged probability=0.5 logit=0.0")
    #expect(!score.fields.contains { $0.name == "STAYPOS_LOWER_BOUND" })
    let bound = entry(Score(realScore: 0, fakeScore: 1, bias: -1, isLowerBound: true))
    #expect(bound.details == "verdict=flagged probability≥0.5 logit≥0.0")
    #expect(bound.fields.contains(JournalField("STAYPOS_PROBABILITY", "0.5")))
    #expect(bound.fields.contains(JournalField("STAYPOS_LOWER_BOUND", "1")))
  }

  /// No event makes a line of two lines, or one that a terminal obeys.
  @Test func linesCannotBeForged() {
    let hostile = "a\u{1B}[2J\r\nerror: forged\u{9B}31m\u{202E}"
    for colour in [false, true] {
      let line = JournalEntry(
        priority: 4, time: time, message: hostile, fields: [], details: hostile
      ).line(colour: colour)
      #expect(line.filter { $0.isNewline } == "\n")
      #expect(!line.contains("\u{202E}") && !line.contains("\u{9B}") && !line.contains("\r"))
      let own = ["\u{1B}[2m", "\u{1B}[33m", "\u{1B}[0m"].reduce(line) { $0.replacing($1, with: "") }
      #expect(!own.unicodeScalars.contains("\u{1B}"))
    }
  }

  @Test func metadataNamesBecomeFieldNames() {
    #expect(JournalLogHandler.fieldName("some-key") == "STAYPOS_SOME_KEY")
    #expect(JournalLogHandler.fieldName("ä=b\n") == "STAYPOS___B_")
    #expect(JournalLogHandler.fieldName(String(repeating: "k", count: 100)).utf8.count == 64)
  }

  @Test func withoutAJournalTheLinesGoToTheDescriptor() {
    #expect(
      JournalOutput.detect(environment: [:], descriptor: 2, identifier: "x") != .journal(identifier: "x"))
    #expect(
      JournalOutput.detect(environment: ["JOURNAL_STREAM": "1:2"], descriptor: 2, identifier: "x")
        != .journal(identifier: "x"))
  }
}
