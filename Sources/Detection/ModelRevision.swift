import Checkpoints
import Hashing
import StayposCore
import SystemPackage

/// A copy of a model's file with another head, name, threshold or card, and perhaps a network that has been trained.
package struct ModelRevision: Sendable {
  package var name: String
  package var head: Head
  package var threshold: Threshold
  /// JSON
  package var card: String?
  /// nil: the network stays as it is.
  package var backbone: TrainableBackbone?
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

  /// Writes beside the target, syncs, and renames.
  /// - Parameter target: is replaced if it exists.
  package func write(to target: FilePath) throws(DetectionError) {
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
      // What 8 bits stand for holds for the network that it was measured on alone.
      let replaced = Head.names.union(trained.map(\.name)).union(trained.isEmpty ? [] : [Model.calibrationName])
      for (name, tensor) in file.tensors where !replaced.contains(name) {
        try writer.add(name, type: tensor.type, shape: tensor.shape, bytes: file.bytes(of: tensor))
      }
      let weights = head.weights.map { Float($0) }
      try writer.add(Head.weightName, shape: [1, weights.count], floats: weights)
      try writer.add(Head.biasName, shape: [1], floats: [Float(head.bias)])
      try writer.write(to: target)
    } catch {
      throw DetectionError(.unreadable, "cannot write the model: \(error)", checkpoint: error)
    }
  }
}
