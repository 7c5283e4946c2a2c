import ImageDecoding
import StayposCore

/// What a scan gives that may stop early.
package struct EarlyExit: Sendable, Equatable {
  package var outcome: ScoringOutcome
  /// Rows of the image that went through the network; fewer than it has if the score is a lower bound.
  package var scannedRows: Int
}

// The lower bound. Let hᵢ(p) ≥ 0 be the features at N positions and wᵢ ≥ 0 the weights. In exact arithmetic Σ wᵢ·mean(hᵢ)
// over the positions so far, with 0 for the others, is at most the fake score. It is so in floating point, too, because
// bound and score are made by the same operations in the same order: a channel's sum runs over the positions from top to
// bottom, so that the one so far is an intermediate result of the full one, and every rounded sum, product or quotient of
// non-negative numbers grows with each operand (rounding to nearest is monotonic). The features themselves are the same
// bits in both cases, for bands do not depend on whether somebody asks. So bound.logit ≤ score.logit, without a margin;
// the sigmoid gets one (``Threshold/isDecided(by:)``).

extension Detector {
  /// Whether a scan can ever stop early: the bound needs features and weights that are never below zero. A linear head has
  /// none, for later rows may speak for a real image.
  package var canExitEarly: Bool { model.head == .positive && hasNonNegativeFeatures }

  /// The verdict at a threshold, without the work that cannot change it: the network stops when what it has seen is enough
  /// to flag the image. Otherwise, and always without ``canExitEarly``, the score is that of the whole image.
  ///
  /// The rest is decoded all the same: a damaged image is not scored, whatever its upper part shows.
  package func score<Source: PixelSource & ~Copyable>(
    _ source: inout Source, stoppingAt threshold: Threshold
  ) throws(DetectionError) -> EarlyExit {
    let scan = try run(&source, for: canExitEarly ? .verdict(threshold) : .score)
    return EarlyExit(outcome: scan.outcome, scannedRows: scan.rows)
  }

  /// The same for an image that is in memory already.
  package func score(_ image: RGBImage, stoppingAt threshold: Threshold) throws(DetectionError) -> EarlyExit {
    var rows = RGBImageRows(image)
    return try score(&rows, stoppingAt: threshold)
  }
}
