import FoundationEssentials

/// A point in time with the file system's resolution: nanoseconds since 1970-01-01 UTC.
package struct Timestamp: Hashable, Comparable, Sendable, Codable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// From the seconds and nanoseconds of a `timespec` or `statx_timestamp`.
  package init(seconds: Int64, nanoseconds: Int64) {
    self.nanoseconds = seconds * 1_000_000_000 + nanoseconds
  }

  package static var now: Timestamp {
    Timestamp(nanoseconds: Int64((Date().timeIntervalSince1970 * 1e9).rounded()))
  }

  package var seconds: Double { Double(nanoseconds) / 1e9 }

  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }

  package func advanced(by duration: Duration) -> Timestamp {
    let (seconds, attoseconds) = duration.components
    return Timestamp(nanoseconds: nanoseconds + seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  /// Negative if `earlier` is later.
  package func interval(since earlier: Timestamp) -> Duration {
    .nanoseconds(nanoseconds - earlier.nanoseconds)
  }

  /// RFC 3339 in UTC with milliseconds, for example `2026-11-21T09:30:00.123Z`.
  package var rfc3339: String {
    Date(timeIntervalSince1970: seconds).formatted(
      .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
  }

  /// Reads what ``rfc3339`` writes; also without fractional seconds.
  package init?(rfc3339 text: String) {
    let styles: [Date.ISO8601FormatStyle] = [.init(includingFractionalSeconds: true), .iso8601]
    for style in styles {
      if let date = try? Date(text, strategy: style) {
        self.init(nanoseconds: Int64((date.timeIntervalSince1970 * 1e9).rounded()))
        return
      }
    }
    return nil
  }
}
