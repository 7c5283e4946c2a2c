/// Something that the daemon does less well than it should, for as long as it lasts.
package struct Degradation: Hashable, Sendable, Codable {
  /// Stable name, for example `watch-limit`, `root-missing`, `no-model`, `configuration`.
  package var kind: String
  /// What it concerns, for people: a path, a count, an error.
  package var detail: String
  package var since: Timestamp
  /// What an administrator can do about it.
  package var remedy: String

  package init(kind: String, detail: String, since: Timestamp, remedy: String) {
    self.kind = kind
    self.detail = detail
    self.since = since
    self.remedy = remedy
  }
}
