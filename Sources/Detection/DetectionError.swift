import Checkpoints
import NeuralNetwork

/// Why a model cannot be used, or why a network failed on an image.
package struct DetectionError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The file cannot be read or is no safetensors file: see ``DetectionError/checkpoint``.
    case unreadable
    /// A safetensors file, but no `staypos-model`.
    case notAModel = "not-a-model"
    case unsupportedVersion = "unsupported-version"
    /// A metadata entry is missing or has no valid value.
    case badMetadata = "bad-metadata"
    case missingTensor = "missing-tensor"
    /// A tensor that the architecture has no place for.
    case surplusTensor = "surplus-tensor"
    /// A checkpoint holds several networks, or none that can be recognized.
    case noSingleNetwork = "no-single-network"
    /// A checkpoint's head is not one of one output.
    case wrongHead = "wrong-head"
    case wrongShape = "wrong-shape"
    case wrongType = "wrong-type"
    /// NaN, an infinity, or a BatchNorm variance that is negative.
    case badValues = "bad-values"
    /// A head that claims to be positive is not.
    case negativeWeight = "negative-weight"
    /// This version does not have it.
    case unsupportedPrecision = "unsupported-precision"
    /// oneDNN failed: see ``DetectionError/network``.
    case network
  }

  package var code: Code
  /// What is wrong, and what to do about it.
  package var message: String
  package var checkpoint: CheckpointError?
  package var network: NetworkError?

  init(_ code: Code, _ message: String, checkpoint: CheckpointError? = nil, network: NetworkError? = nil) {
    self.code = code
    self.message = message
    self.checkpoint = checkpoint
    self.network = network
  }

  package var description: String { message }
}
