import Checkpoints
import Hashing
import NeuralNetwork
import StayposCore
import SystemPackage

/// A copy of a model's file with another head, name, threshold, card or calibration, and perhaps a network that has been
/// trained.
package struct ModelRevision: Sendable {
  package var name: String
  package var head: Head
  package var threshold: Threshold
  /// JSON
  package var card: String?
  /// nil: the network stays as it is.
  package var backbone: TrainableBackbone?
  /// nil: the file's stays, unless the network changes: what 8 bits stand for holds for the one that it was measured on alone.
  package var calibration: Calibration?
  private let source: FilePath
  private let sha256: SHA256Digest

  /// - Parameter path: the file that the model came from.
  package init(of model: Model, at path: FilePath) {
    name = model.info.name
    head = model.head
    threshold = model.info.threshold
    card = model.info.card
    source = path
    sha256 = model.info.sha256
  }

  /// Writes beside the target, reads that back, and renames.
  /// - Parameter target: is replaced if it exists.
  /// - Returns: what was read back.
  @discardableResult
  package func write(to target: FilePath) throws(DetectionError) -> Model {
    try file().writeModel(to: target)
  }

  private func file() throws(DetectionError) -> SafetensorsWriter {
    do throws(CheckpointError) {
      let file = try SafetensorsFile(path: source)
      guard file.withFileBytes({ SHA256Digest(hashing: $0) }) == sha256 else {
        throw CheckpointError(.invalidInput, "was changed meanwhile", file: source)
      }
      var metadata = file.metadata
      metadata["name"] = name
      metadata["head"] = head.kind.rawValue
      metadata["threshold"] = "\(threshold.value)"
      metadata["card"] = card
      var writer = SafetensorsWriter(metadata: metadata)
      let trained = backbone?.tensors ?? []
      for (name, shape, values) in trained { try writer.add(name, shape: shape, floats: values) }
      var replaced = Head.names.union(trained.map(\.name))
      if calibration != nil || !trained.isEmpty { replaced.insert(Model.calibrationName) }
      for (name, tensor) in file.tensors where !replaced.contains(name) {
        try writer.add(name, type: tensor.type, shape: tensor.shape, bytes: file.bytes(of: tensor))
      }
      let weights = head.weights.map { Float($0) }
      try writer.add(Head.weightName, shape: [1, weights.count], floats: weights)
      try writer.add(Head.biasName, shape: [1], floats: [Float(head.bias)])
      if let ranges = calibration?.ranges {
        try writer.add(Model.calibrationName, shape: [ranges.count], floats: ranges)
      }
      return writer
    } catch {
      throw DetectionError(.unreadable, "cannot write the model: \(error)", checkpoint: error)
    }
  }
}

extension SafetensorsWriter {
  /// Writes a model's file, which takes its place only when it has been read back and is in order.
  /// - Returns: what was read back.
  package func writeModel(to target: FilePath) throws(DetectionError) -> Model {
    do {
      return try write(to: target) { written in try Model(path: written) }
    } catch let error as DetectionError {
      throw error
    } catch {
      throw DetectionError(.unreadable, "cannot write the model: \(error)", checkpoint: error as? CheckpointError)
    }
  }
}
