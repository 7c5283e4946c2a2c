import TestSupport
import Testing

@testable import NeuralNetwork

/// The rows that a window reads, against counting them one by one.
@Suite struct WindowRowsTests {
  @Test func agreesWithCounting() {
    for seed in UInt64(1)...500 {
      var random = SeededGenerator(seed: seed)
      let kernel = Int.random(in: 1...7, using: &random)
      let window = Window(
        kernel: kernel, stride: Int.random(in: 1...5, using: &random),
        padding: Padding(
          before: Int.random(in: 0..<kernel, using: &random), after: Int.random(in: 0..<kernel, using: &random)))
      let height = Int.random(in: 1...30, using: &random)
      let count = window.outputLength(height)
      for row in 0...height {
        let possible = (0..<count).prefix { reads(window, $0).allSatisfy { $0 < row || $0 >= height } }.count
        #expect(window.outputRows(from: row, of: height) == possible, "seed \(seed), \(row) of \(height) rows")
      }
      for first in 0..<count {
        let below = (first..<count).flatMap { reads(window, $0) }
        #expect(window.firstRow(for: first) == below.min(), "seed \(seed)")
        for last in first..<count {
          let all = (first...last).flatMap { reads(window, $0) }
          let rows = window.source(of: first..<last + 1)
          #expect(rows.lowerBound == all.min() && rows.upperBound - 1 == all.max(), "seed \(seed)")
          #expect(rows.lowerBound >= -window.padding.before, "seed \(seed)")
          #expect(rows.upperBound <= height + window.padding.after, "seed \(seed)")
        }
      }
    }
  }

  /// The rows that one row of output is made of.
  private func reads(_ window: Window, _ output: Int) -> [Int] {
    (0..<window.kernel).map { output * window.stride - window.padding.before + $0 }
  }
}
