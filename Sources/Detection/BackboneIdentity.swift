import Checkpoints
import FoundationEssentials
import Hashing
import StayposCore
import SystemPackage

/// SHA-256 over everything in a model file that its pooled features depend on: architecture, preprocessing, and all tensors
/// but the head's; in int8 what the 8 bits stand for, too. Models that differ in head, threshold or card alone have the same.
package struct BackboneIdentity: Sendable, Hashable {
  package let sha256: SHA256Digest

  /// - Parameters:
  ///   - path: of a model that can be loaded.
  ///   - precision: that the features are computed in; not `auto`.
  package init(of path: FilePath, precision: Precision) throws(DetectionError) {
    do {
      let file = try SafetensorsFile(path: path)
      let metadata = try ModelMetadata(file.metadata)
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      var hash = SHA256()
      hash.update(part: Array(try encoder.encode(metadata.architecture)))
      hash.update(part: Array(try encoder.encode(metadata.preprocessing)))
      for required in metadata.architecture.requiredTensors where !Head.names.contains(required.name) {
        guard let tensor = file.tensors[required.name] else {
          throw DetectionError(.missingTensor, "the tensor \(required.name) is missing")
        }
        hash.update(part: Array("\(required.name) \(tensor.type.rawValue) \(tensor.shape)".utf8))
        hash.update(part: file.bytes(of: tensor))
      }
      if precision == .int8, let ranges = file.tensors[Model.calibrationName] {
        hash.update(part: Array("\(Model.calibrationName) \(ranges.type.rawValue) \(ranges.shape)".utf8))
        hash.update(part: file.bytes(of: ranges))
      }
      sha256 = hash.finalize()
    } catch let error as DetectionError {
      throw error
    } catch {
      throw DetectionError(.unreadable, "cannot read the model: \(error)", checkpoint: error as? CheckpointError)
    }
  }
}

extension SHA256 {
  /// With its length, so that no two lists of parts have the same bytes.
  fileprivate mutating func update(part bytes: [UInt8]) {
    withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { update($0) }
    bytes.withUnsafeBytes { update($0) }
  }
}
