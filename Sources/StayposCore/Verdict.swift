/// The three answers. `notScored` is never treated as either of the others.
package enum Verdict: Hashable, Sendable {
  case flagged
  case clear
  case notScored(NotScoredReason)

  package enum Name: String, Sendable, Codable, CaseIterable {
    case flagged
    case clear
    case notScored = "not-scored"
  }

  package var name: Name {
    switch self {
    case .flagged: .flagged
    case .clear: .clear
    case .notScored: .notScored
    }
  }

  package var reason: NotScoredReason? {
    if case .notScored(let reason) = self { reason } else { nil }
  }

  /// nil if name and reason contradict each other.
  package init?(name: Name, reason: NotScoredReason?) {
    switch (name, reason) {
    case (.flagged, nil): self = .flagged
    case (.clear, nil): self = .clear
    case (.notScored, let reason?): self = .notScored(reason)
    default: return nil
    }
  }
}

/// Why an image has no score.
package enum NotScoredReason: String, Sendable, Codable, CaseIterable {
  case empty
  case unsupportedFormat = "unsupported-format"
  case corrupt
  case truncated
  /// More bytes, pixels or memory than the limits allow.
  case tooLarge = "too-large"
  /// A side is shorter than the network's minimum.
  case tooSmall = "too-small"
  case timeout
  case decoderCrashed = "decoder-crashed"
  case outOfMemory = "out-of-memory"
  case noModel = "no-model"
  /// Gone before it could be opened.
  case vanished
  /// It kept changing while it was read.
  case unstable
  case permissionDenied = "permission-denied"
  case ioError = "io-error"
}
