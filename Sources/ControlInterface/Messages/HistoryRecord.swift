import StayposCore

/// `type History`: one verdict on one file.
package struct HistoryRecord: Codable, Sendable, Equatable {
  package var id: Int64
  package var time: String
  package var path: String
  /// The exact bytes, only if the path is not UTF-8.
  package var pathBase64: String?
  package var size: Int64?
  package var sha256: SHA256Digest?
  package var verdict: Verdict.Name
  package var reason: NotScoredReason?
  package var detail: String?
  package var probability: Double?
  package var logit: Double?
  package var realScore: Double?
  package var fakeScore: Double?
  package var bias: Double?
  /// Probability, logit and fake score are at least these: the scan stopped early.
  package var lowerBound: Bool
  package var width: Int?
  package var height: Int?
  package var threshold: Threshold
  package var model: SHA256Digest?
  package var quarantineId: QuarantineID?
  package var allowed: Bool
  package var cached: Bool
  package var durationSeconds: Double

  /// An entry without an id (not yet in the catalogue) gets 0.
  package init(_ entry: HistoryEntry) {
    id = entry.id ?? 0
    time = entry.time.rfc3339
    (path, pathBase64) = entry.path.json
    size = entry.fileSize
    sha256 = entry.sha256
    verdict = entry.verdict.name
    reason = entry.verdict.reason
    detail = entry.detail
    probability = entry.score?.probability.finite
    logit = entry.score?.logit.finite
    realScore = entry.score?.realScore.finite
    fakeScore = entry.score?.fakeScore.finite
    bias = entry.score?.bias.finite
    lowerBound = entry.score?.isLowerBound ?? false
    width = entry.imageSize?.width
    height = entry.imageSize?.height
    threshold = entry.threshold
    model = entry.model
    quarantineId = entry.quarantineID
    allowed = entry.allowed
    cached = entry.cached
    durationSeconds = entry.duration / .seconds(1)
  }

  /// The keys that scripts rely on are always there, null where there is nothing to say.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(time, forKey: .time)
    try container.encode(path, forKey: .path)
    try container.encodeIfPresent(pathBase64, forKey: .pathBase64)
    try container.encode(size, forKey: .size)
    try container.encode(sha256, forKey: .sha256)
    try container.encode(verdict, forKey: .verdict)
    try container.encode(reason, forKey: .reason)
    try container.encode(detail, forKey: .detail)
    try container.encode(probability, forKey: .probability)
    try container.encode(logit, forKey: .logit)
    try container.encode(realScore, forKey: .realScore)
    try container.encode(fakeScore, forKey: .fakeScore)
    try container.encode(bias, forKey: .bias)
    try container.encode(lowerBound, forKey: .lowerBound)
    try container.encode(width, forKey: .width)
    try container.encode(height, forKey: .height)
    try container.encode(threshold, forKey: .threshold)
    try container.encode(model, forKey: .model)
    try container.encode(quarantineId, forKey: .quarantineId)
    try container.encode(allowed, forKey: .allowed)
    try container.encode(cached, forKey: .cached)
    try container.encode(durationSeconds, forKey: .durationSeconds)
  }
}

extension Double {
  /// JSON has no infinity and no NaN.
  var finite: Double? { isFinite ? self : nil }
}
