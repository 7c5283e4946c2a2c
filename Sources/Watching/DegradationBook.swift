import StayposCore

/// The degradations in force, one per kind and subject.
struct DegradationBook {
  struct Key: Hashable {
    var kind: String
    /// What it concerns: a path, or empty where there is one of a kind.
    var subject: String
  }

  private var entries: [Key: Degradation] = [:]

  var all: [Degradation] { entries.values.sorted { ($0.since, $0.detail) < ($1.since, $1.detail) } }

  func contains(_ key: Key) -> Bool { entries[key] != nil }

  /// - Returns: what to report; nil if it is known. A changed detail is news only in the status.
  mutating func set(_ key: Key, detail: String, remedy: String) -> Degradation? {
    if entries[key] != nil {
      entries[key]?.detail = detail
      return nil
    }
    let degradation = Degradation(kind: key.kind, detail: detail, since: .now, remedy: remedy)
    entries[key] = degradation
    return degradation
  }

  /// - Returns: what is over; nil if it was not in force.
  mutating func clear(_ key: Key) -> Degradation? { entries.removeValue(forKey: key) }
}
