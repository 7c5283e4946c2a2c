import SystemPackage

/// One verdict on one file, kept for ever (or until the history is pruned).
package struct HistoryEntry: Sendable, Equatable {
  /// Given by the catalogue; nil before that.
  package var id: Int64?
  package var time: Timestamp
  package var path: FilePath
  /// Bytes; nil if the file could not be opened.
  package var fileSize: Int64?
  package var sha256: SHA256Digest?
  package var verdict: Verdict
  /// One line for people: why it was not scored, or why a flagged file was left in its place.
  package var detail: String?
  package var score: Score?
  package var imageSize: ImageSize?
  /// In force when the verdict was made.
  package var threshold: Threshold
  /// SHA-256 of the model file.
  package var model: SHA256Digest?
  /// Set if the file was moved.
  package var quarantineID: QuarantineID?
  /// The SHA-256 was on the allowlist: clear without scoring.
  package var allowed: Bool
  /// The score was taken from an earlier verdict on the same bytes by the same model.
  package var cached: Bool
  /// From the start of the first attempt to the verdict.
  package var duration: Duration

  package init(
    id: Int64? = nil, time: Timestamp, path: FilePath, fileSize: Int64? = nil, sha256: SHA256Digest? = nil,
    verdict: Verdict, detail: String? = nil, score: Score? = nil, imageSize: ImageSize? = nil, threshold: Threshold,
    model: SHA256Digest? = nil, quarantineID: QuarantineID? = nil, allowed: Bool = false, cached: Bool = false,
    duration: Duration
  ) {
    self.id = id
    self.time = time
    self.path = path
    self.fileSize = fileSize
    self.sha256 = sha256
    self.verdict = verdict
    self.detail = detail
    self.score = score
    self.imageSize = imageSize
    self.threshold = threshold
    self.model = model
    self.quarantineID = quarantineID
    self.allowed = allowed
    self.cached = cached
    self.duration = duration
  }
}
