import StayposCore

/// What decides between flagged and clear, and what follows.
package struct PolicyState: Sendable, Equatable {
  /// The model's own threshold.
  package var modelThreshold: Threshold
  /// From the configuration file.
  package var fileThreshold: Threshold?
  /// Set over the control socket.
  package var runtimeThreshold: Threshold?
  package var mode: PolicyMode

  /// In force for every verdict made from now on; verdicts already made stay.
  package var threshold: Threshold { threshold(for: modelThreshold) }

  /// For a score by another model than the present one: one that was still at work when the model was replaced.
  func threshold(for modelThreshold: Threshold) -> Threshold { runtimeThreshold ?? fileThreshold ?? modelThreshold }

  package var origin: ThresholdOrigin {
    if runtimeThreshold != nil { return .runtime }
    return fileThreshold == nil ? .model : .file
  }
}
