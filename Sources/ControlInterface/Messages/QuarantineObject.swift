import StayposCore
import SystemPackage

/// `type Quarantined`: one file in the quarantine, as its record says.
package struct QuarantineObject: Codable, Sendable, Equatable {
  package var id: QuarantineID
  package var time: String
  /// Where it was.
  package var path: String
  package var pathBase64: String?
  package var sha256: SHA256Digest
  package var size: Int64
  package var probability: Double?
  package var logit: Double?
  /// Probability and logit are at least these: the scan stopped early.
  package var lowerBound: Bool
  package var threshold: Threshold
  package var model: SHA256Digest?
  package var uid: UInt32
  package var gid: UInt32
  /// Octal, for example `0644`.
  package var mode: String
  package var modified: String
  /// Names that the file had when it was moved; the others are left alone.
  package var links: UInt64
  /// Whether somebody had it open for writing then; nil if the kernel did not tell.
  package var writerOpen: Bool?
  package var host: String

  /// - Parameter mode: permission bits.
  package init(
    id: QuarantineID, time: Timestamp, path: FilePath, sha256: SHA256Digest, size: Int64, score: Score?,
    threshold: Threshold, model: SHA256Digest?, uid: UInt32, gid: UInt32, mode: UInt32, modified: Timestamp,
    links: UInt64, writerOpen: Bool?, host: String
  ) {
    self.id = id
    self.time = time.rfc3339
    (self.path, pathBase64) = path.json
    self.sha256 = sha256
    self.size = size
    probability = score?.probability.finite
    logit = score?.logit.finite
    lowerBound = score?.isLowerBound ?? false
    self.threshold = threshold
    self.model = model
    self.uid = uid
    self.gid = gid
    let digits = String(mode & 0o7777, radix: 8)
    self.mode = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    self.modified = modified.rfc3339
    self.links = links
    self.writerOpen = writerOpen
    self.host = host
  }

  /// The keys that scripts rely on are always there, null where there is nothing to say.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(time, forKey: .time)
    try container.encode(path, forKey: .path)
    try container.encodeIfPresent(pathBase64, forKey: .pathBase64)
    try container.encode(sha256, forKey: .sha256)
    try container.encode(size, forKey: .size)
    try container.encode(probability, forKey: .probability)
    try container.encode(logit, forKey: .logit)
    try container.encode(lowerBound, forKey: .lowerBound)
    try container.encode(threshold, forKey: .threshold)
    try container.encode(model, forKey: .model)
    try container.encode(uid, forKey: .uid)
    try container.encode(gid, forKey: .gid)
    try container.encode(mode, forKey: .mode)
    try container.encode(modified, forKey: .modified)
    try container.encode(links, forKey: .links)
    try container.encodeIfPresent(writerOpen, forKey: .writerOpen)
    try container.encode(host, forKey: .host)
  }
}
