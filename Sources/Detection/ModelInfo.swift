import StayposCore

/// What a model file says about itself.
package struct ModelInfo: Sendable {
  package var name: String
  /// Of the whole file: the model's identity.
  package var sha256: SHA256Digest
  /// The one that the model was published with.
  package var threshold: Threshold
  package var head: Head.Kind
  package var architecture: Architecture
  package var preprocessing: Preprocessing
  /// JSON: data, metrics, calibration, licence; nil if the file has none.
  package var card: String?
  /// Of an image's shorter side, in pixels.
  package var minimumSize: Int { architecture.minimumSize }
  /// Trained values, the head's included, BatchNorm's running statistics not.
  package var parameterCount: Int
}
