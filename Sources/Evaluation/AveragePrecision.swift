import StayposCore

/// Of scores in any order, where nothing else is asked for.
package enum AveragePrecision {
  /// - Parameter scores: higher speaks for a generated image.
  /// - Returns: nil without generated or without real images.
  package static func of(_ scores: [(score: Double, isGenerated: Bool)]) -> Double? {
    func values(_ isGenerated: Bool) -> [Double] {
      scores.compactMap { $0.isGenerated == isGenerated ? $0.score : nil }
    }
    // Of the order alone: any threshold does.
    return Threshold(0.5).flatMap { threshold in
      RankedScores(fakes: values(true), reals: values(false), threshold: threshold).metrics[.averagePrecision]
    }
  }
}
