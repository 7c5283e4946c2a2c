import ImageDecoding
import NeuralNetwork
import StayposCore

/// Watches a model at work in fp32, to learn which numbers 8 bits have to stand for.
///
/// Confined: one image at a time.
package final class Calibrator {
  private let detector: Detector
  private let statistics: FeatureStatistics

  /// - Parameters: as for ``Detector``.
  package init(model: Model, threads: Int? = nil, memoryLimit: Int? = nil) throws(DetectionError) {
    statistics = FeatureStatistics(model.graph)
    detector = try Detector(model: model, precision: .fp32, threads: threads, memoryLimit: memoryLimit)
  }

  /// - Returns: the score in fp32. Of an image whose decoding fails half-way, the rows that came have been seen too.
  package func observe<Source: PixelSource & ~Copyable>(
    _ source: inout Source
  ) throws(DetectionError) -> ScoringOutcome {
    try detector.run(&source, for: .statistics(statistics)).outcome
  }

  /// What has been learned.
  package var calibration: Calibration { statistics.calibration }
}
