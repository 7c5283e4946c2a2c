import TestSupport
import Testing

@testable import Datasets

@Suite struct CSVTableTests {
  @Test func whatIsWrittenIsRead() throws {
    let alphabet: [UInt8] = [0x61, 0x2C, 0x22, 0x0A, 0x0D, 0xFF, 0x20]
    for seed in UInt64(0)..<200 {
      var generator = SeededGenerator(seed: seed)
      let columns = Int.random(in: 1...4, using: &generator)
      let rows = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
        (0..<columns).map { _ in
          (0..<Int.random(in: 0...4, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
        }
      }
      let header = (0..<columns).map { "column\($0)" }
      let bytes = CSVTable.line(header) + rows.flatMap { CSVTable.line($0) }
      #expect(try CSVTable(bytes).rows == rows, "seed \(seed)")
    }
  }

  /// A writer that is killed leaves the beginning of what it would have written.
  @Test func aTornEndCostsTheLastRecordOnly() throws {
    let lines = [["a", "b"], ["1", "x,\"y\"\nz"], ["2", "w"]].map { CSVTable.line($0) }
    let whole = lines.flatMap { $0 }
    for length in lines[0].count...whole.count {
      let table = try CSVTable(Array(whole.prefix(length)), toleratingTornEnd: true)
      let complete = length == whole.count ? 2 : length >= lines[0].count + lines[1].count ? 1 : 0
      #expect(table.rows.count == complete, "\(length)")
    }
  }
}
