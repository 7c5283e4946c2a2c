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
        let possible = (0..<count).prefix { reads(window, $0, height).allSatisfy { $0 < row } }.count
        #expect(window.outputRows(from: row, of: height) == possible, "seed \(seed), \(row) of \(height) rows")
      }
      for first in 0..<count {
        let below = (first..<count).flatMap { reads(window, $0, height) }
        #expect(window.firstRow(for: first) <= below.min() ?? height, "seed \(seed)")
        for last in first..<count {
          let (rows, padding) = window.source(of: first..<last + 1, height: height)
          let all = (first...last).flatMap { reads(window, $0, height) }
          #expect(rows.lowerBound <= all.min() ?? height && rows.upperBound > all.max() ?? -1, "seed \(seed)")
          #expect(0..<height ~= rows.lowerBound && rows.upperBound <= height && !rows.isEmpty, "seed \(seed)")
          #expect(padding.before >= 0 && padding.after >= 0, "seed \(seed)")
          // Seen as an image of its own, those rows give as many rows of output, and no more.
          let made = (rows.count + padding.before + padding.after - kernel) / window.stride + 1
          #expect(made == last - first + 1, "seed \(seed)")
        }
      }
    }
  }

  /// The rows of the image that one row of output is made of.
  private func reads(_ window: Window, _ output: Int, _ height: Int) -> [Int] {
    (0..<window.kernel).map { output * window.stride - window.padding.before + $0 }.filter { 0..<height ~= $0 }
  }
}
