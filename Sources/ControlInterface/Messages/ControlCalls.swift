import StayposCore
import SystemPackage

// Parameters of the calls of `io.staypos.Control`. Property names are the Varlink names.

package struct SetThresholdCall: Codable, Sendable {
  /// Checked by the server: finite, 0...1.
  package var value: Double

  package init(value: Double) {
    self.value = value
  }
}

/// Rescan and Submit.
package struct PathCall: Codable, Sendable {
  package var path: String?
  package var pathBase64: String?
  /// Submit only: reply when the file is judged.
  package var wait: Bool?

  package init(path: FilePath?, wait: Bool? = nil) {
    if let path { (self.path, pathBase64) = path.json }
    self.wait = wait
  }
}

package struct ListQueueCall: Codable, Sendable {
  package var limit: Int?

  package init(limit: Int?) {
    self.limit = limit
  }
}

package struct ListHistoryCall: Codable, Sendable {
  package var limit: Int?
  package var verdict: Verdict.Name?
  package var path: String?
  package var pathBase64: String?
  /// RFC 3339.
  package var since: String?

  package init(limit: Int?, verdict: Verdict.Name?, path: FilePath?, since: Timestamp?) {
    self.limit = limit
    self.verdict = verdict
    if let path { (self.path, pathBase64) = path.json }
    self.since = since?.rfc3339
  }
}

package struct HistoryIDCall: Codable, Sendable {
  package var id: Int64

  package init(id: Int64) {
    self.id = id
  }
}

/// GetQuarantine and DeleteQuarantine.
package struct QuarantineIDCall: Codable, Sendable {
  package var id: QuarantineID

  package init(id: QuarantineID) {
    self.id = id
  }
}

package struct RestoreQuarantineCall: Codable, Sendable {
  package var id: QuarantineID
  /// Where to, if not where it was.
  package var to: String?
  package var toBase64: String?

  package init(id: QuarantineID, to: FilePath?) {
    self.id = id
    if let to { (self.to, toBase64) = to.json }
  }
}

package struct AddAllowCall: Codable, Sendable {
  package var sha256: SHA256Digest
  package var note: String?

  package init(sha256: SHA256Digest, note: String?) {
    self.sha256 = sha256
    self.note = note
  }
}

package struct RemoveAllowCall: Codable, Sendable {
  package var sha256: SHA256Digest

  package init(sha256: SHA256Digest) {
    self.sha256 = sha256
  }
}
