/// When a training writes down where it stands: after so many batches, and after so much time, since a batch of a large network
/// may take minutes.
package struct CheckpointSchedule {
  private let batches: Int
  private let period: Duration
  /// Since the last checkpoint.
  private var done = 0
  private var last: ContinuousClock.Instant

  package init(batches: Int, period: Duration = .seconds(300), now: ContinuousClock.Instant = .now) {
    (self.batches, self.period, last) = (batches, period, now)
  }

  /// One batch more has been trained on.
  /// - Returns: whether a checkpoint is due.
  package mutating func isDue(now: ContinuousClock.Instant = .now) -> Bool {
    done += 1
    guard done >= batches || now - last >= period else { return false }
    begin(now: now)
    return true
  }

  /// There is a checkpoint now.
  package mutating func begin(now: ContinuousClock.Instant = .now) {
    (done, last) = (0, now)
  }
}
