import FoundationEssentials

/// A point in time with the file system's resolution: nanoseconds since 1970-01-01 UTC.
///
/// Holds the years 1677 to 2262. File systems know others, and anybody may give a file any time: what lies beyond is the
/// nearest end, and arithmetic stops there.
package struct Timestamp: Hashable, Comparable, Sendable, Codable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// From the seconds and nanoseconds of a `timespec` or `statx_timestamp`.
  package init(seconds: Int64, nanoseconds: Int64) {
    self.nanoseconds = Self.clamped(seconds, nanoseconds)
  }

  package static var now: Timestamp {
    Timestamp(nanoseconds: Int64((Date().timeIntervalSince1970 * 1e9).rounded()))
  }

  /// What ``now`` was when the process first asked for it, and the time that has passed since: it does not jump when the
  /// clock is set. For deadlines inside one run.
  package static var steady: Timestamp { origin.time.advanced(by: ContinuousClock.now - origin.instant) }

  private static let origin = (time: Timestamp.now, instant: ContinuousClock.now)

  package var seconds: Double { Double(nanoseconds) / 1e9 }

  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }

  package func advanced(by duration: Duration) -> Timestamp {
    let (seconds, attoseconds) = duration.components
    let (sum, overflow) = nanoseconds.addingReportingOverflow(Self.clamped(seconds, attoseconds / 1_000_000_000))
    return Timestamp(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
  }

  /// Negative if `earlier` is later.
  package func interval(since earlier: Timestamp) -> Duration {
    let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return .nanoseconds(overflow ? (self < earlier ? .min : .max) : difference)
  }

  private static func clamped(_ seconds: Int64, _ nanoseconds: Int64) -> Int64 {
    // 128 bits hold any product and sum.
    Int64(clamping: Int128(seconds) * 1_000_000_000 + Int128(nanoseconds))
  }

  /// RFC 3339 in UTC with milliseconds, for example `2026-11-21T09:30:00.123Z`.
  package var rfc3339: String {
    Date(timeIntervalSince1970: seconds).formatted(
      .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
  }

  /// Reads what ``rfc3339`` writes; also without fractional seconds. nil beyond what can be held.
  package init?(rfc3339 text: String) {
    let styles: [Date.ISO8601FormatStyle] = [.init(includingFractionalSeconds: true), .iso8601]
    for style in styles {
      if let date = try? Date(text, strategy: style) {
        guard let nanoseconds = Int64(exactly: (date.timeIntervalSince1970 * 1e9).rounded()) else { return nil }
        self.init(nanoseconds: nanoseconds)
        return
      }
    }
    return nil
  }
}
