import StayposCore

/// `type Allowed`: content that is clear without scoring.
package struct AllowRecord: Codable, Sendable, Equatable {
  package var sha256: SHA256Digest
  package var note: String
  package var time: String

  package init(sha256: SHA256Digest, note: String, time: Timestamp) {
    self.sha256 = sha256
    self.note = note
    self.time = time.rfc3339
  }
}
