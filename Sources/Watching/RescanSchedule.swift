/// When to scan everything again after an overflow: at once the first time, then with growing gaps as long as
/// overflows go on, so that a flood costs bounded work. Touches nothing.
///
/// A scan finds what was lost before it began, no more: an overflow while it goes on wants another. There is one at a
/// time, and it takes half of the time at most. So what is lost is found, at the latest, once the longest gap, or a scan,
/// and then a scan have gone by.
package struct RescanSchedule {
  package typealias Instant = ContinuousClock.Instant

  private let first: Duration
  private let maximum: Duration
  /// From the end of the last scan, or of the one that goes on, to the next.
  private var gap = Duration.zero
  /// Of the scan that goes on.
  private var began: Instant?
  private var last: (end: Instant, duration: Duration)?
  /// When the next scan is to start, if none goes on then; nil: none is wanted.
  package private(set) var next: Instant?

  package init(timing: WatchTiming) {
    first = timing.rescanDelay
    maximum = timing.rescanDelayMaximum
  }

  /// - Returns: how long, at least, until the scan that will find what was lost.
  package mutating func overflowed(at now: Instant) -> Duration {
    let start = next ?? (began == nil ? last.map { max(now, $0.end + pause) } ?? now : now + pause)
    next = start
    return max(start - now, .zero)
  }

  /// True once when a scan is due: start it, and tell when it is ``finished(at:)``.
  package mutating func take(at now: Instant) -> Bool {
    guard began == nil, let next, next <= now else { return false }
    self.next = nil
    began = now
    // Overflows that come one by one, however regularly, are not quiet yet: each would cost a scan.
    let isQuiet = last.map { now - $0.end >= max(maximum * 2, $0.duration) } ?? true
    gap = isQuiet ? first : min(gap * 2, maximum)
    return true
  }

  package mutating func finished(at now: Instant) {
    guard let began else { return }
    self.began = nil
    last = (now, now - began)
    if let next { self.next = max(next, now + pause) }
  }

  private var pause: Duration { max(gap, last?.duration ?? .zero) }
}
