/// What happens to a flagged file.
package enum PolicyMode: String, Sendable, Codable, CaseIterable {
  /// Move it to the quarantine.
  case enforce
  /// Report it, move nothing.
  case observe
}

/// Arithmetic of the network.
package enum Precision: String, Sendable, Codable, CaseIterable {
  /// The fastest that the processor and the model support.
  case auto
  case fp32
  case bf16
  case int8
}
