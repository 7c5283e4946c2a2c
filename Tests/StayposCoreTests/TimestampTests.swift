import StayposCore
import Testing

/// Anybody who uploads sets a file's mtime, and any client writes a time: neither may end the daemon.
@Suite struct TimestampTests {
  @Test("beyond the years 1677 to 2262 a time is the nearest that can be held")
  func extremes() {
    // ext4 keeps times up to 2446; tmpfs, btrfs and FUSE any 64-bit number of seconds.
    #expect(Timestamp(seconds: 15_032_385_535, nanoseconds: 999_999_999).nanoseconds == .max)
    #expect(Timestamp(seconds: .max, nanoseconds: 0).nanoseconds == .max)
    #expect(Timestamp(seconds: .min, nanoseconds: 999_999_999).nanoseconds == .min)
    #expect(Timestamp(seconds: 9_223_372_036, nanoseconds: 854_775_807).nanoseconds == .max)
    #expect(Timestamp(seconds: -9_223_372_037, nanoseconds: 145_224_192).nanoseconds == .min)
    #expect(Timestamp(seconds: -1, nanoseconds: 1).nanoseconds == -999_999_999)
  }

  @Test func arithmeticStaysInRange() {
    let (first, last) = (Timestamp(nanoseconds: .min), Timestamp(nanoseconds: .max))
    #expect(last.interval(since: first) == .nanoseconds(Int64.max))
    #expect(first.interval(since: last) == .nanoseconds(Int64.min))
    #expect(last.advanced(by: .nanoseconds(1)) == last)
    #expect(first.advanced(by: .seconds(-1)) == first)
    // retention_days = 100000
    #expect(Timestamp.now.advanced(by: .seconds(100_000 * 86_400)) == last)
    #expect(Timestamp(nanoseconds: 5).advanced(by: .nanoseconds(-7)).nanoseconds == -2)
  }

  @Test("a text outside of what can be held is no time", arguments: ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
  func farTexts(text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }
}
