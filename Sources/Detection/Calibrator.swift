import Checkpoints
import Hashing
import ImageDecoding
import NeuralNetwork
import StayposCore
import SystemPackage

/// Watches a model at work in fp32, to learn which numbers 8 bits have to stand for.
///
/// Confined: one image at a time.
package final class Calibrator {
  private let model: ModelInfo
  private let detector: Detector
  private let statistics: FeatureStatistics

  /// - Parameters: as for ``Detector``.
  package init(model: Model, threads: Int? = nil, memoryLimit: Int? = nil) throws(DetectionError) {
    self.model = model.info
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

  /// Copies the model's file, with what has been learned in it: another model then, by its SHA-256.
  /// - Parameters:
  ///   - source: the file that the model came from.
  ///   - target: is replaced if it exists.
  package func writeModel(from source: FilePath, to target: FilePath) throws(DetectionError) {
    do throws(CheckpointError) {
      let file = try SafetensorsFile(path: source)
      guard file.withFileBytes({ SHA256Digest(hashing: $0) }) == model.sha256 else {
        throw CheckpointError(.invalidInput, "was changed meanwhile", file: source)
      }
      var writer = SafetensorsWriter(metadata: file.metadata)
      for (name, tensor) in file.tensors where name != Model.calibrationName {
        try writer.add(name, type: tensor.type, shape: tensor.shape, bytes: file.bytes(of: tensor))
      }
      let ranges = calibration.ranges
      try writer.add(Model.calibrationName, shape: [ranges.count], floats: ranges)
      try writer.write(to: target)
    } catch {
      throw DetectionError(.unreadable, "cannot write the calibrated model: \(error)", checkpoint: error)
    }
  }
}
