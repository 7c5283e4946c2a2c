/// What one attempt at one image gave.
package enum ScoringOutcome: Sendable, Equatable {
  case scored(Score, size: ImageSize)
  /// - Parameter detail: one line for people, for example libpng's own words.
  case notScored(NotScoredReason, detail: String)
}

/// Pixels.
package struct ImageSize: Hashable, Sendable, Codable {
  package var width: Int
  package var height: Int

  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }
}
