import StayposCore

extension Event {
  /// The one journal entry of a verdict.
  init(verdictOn entry: HistoryEntry) {
    let kind: Kind
    let level: Level
    var message: String
    switch entry.verdict {
    case .flagged where entry.quarantineID != nil:
      (kind, level, message) = (.quarantined, .notice, "flagged and moved to the quarantine")
    case .flagged:
      (kind, level, message) = (.flagged, .warning, "flagged and left in its place")
    case .clear:
      (kind, level, message) = (.clear, .info, "clear")
    case .notScored(let reason):
      (kind, level, message) = (.notScored, .notice, "not scored: \(reason.rawValue)")
    }
    if entry.score?.isLowerBound == true { message += ", its score a lower bound (early exit)" }
    if let detail = entry.detail { message += ": \(detail)" }
    self.init(
      kind, level, message, path: entry.path, sha256: entry.sha256, verdict: entry.verdict, score: entry.score,
      threshold: entry.threshold, model: entry.model, quarantineID: entry.quarantineID, duration: entry.duration)
  }
}
