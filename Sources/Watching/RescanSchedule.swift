/// When to scan everything again after an overflow: at once the first time, then with growing gaps as long as
/// overflows go on, so that a flood costs bounded work. Touches nothing.
package struct RescanSchedule {
  package typealias Instant = ContinuousClock.Instant

  private let first: Duration
  private let maximum: Duration
  private var delay: Duration
  private var lastScan: Instant?
  /// When the next scan is to start; nil: none is wanted.
  package private(set) var next: Instant?

  package init(timing: WatchTiming) {
    first = timing.rescanDelay
    maximum = timing.rescanDelayMaximum
    delay = timing.rescanDelay
  }

  /// - Returns: how long until the scan that will find what was lost.
  package mutating func overflowed(at now: Instant) -> Duration {
    if let next { return max(next - now, .zero) }
    guard let lastScan, now - lastScan < delay * 2 else {
      delay = first
      next = now
      return .zero
    }
    let start = max(now, lastScan + delay)
    delay = min(delay * 2, maximum)
    next = start
    return start - now
  }

  /// True once when a scan is due: start it.
  package mutating func take(at now: Instant) -> Bool {
    guard let next, next <= now else { return false }
    self.next = nil
    lastScan = now
    return true
  }
}
