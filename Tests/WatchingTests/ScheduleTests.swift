import StayposCore
import SystemPackage
import TestSupport
import Testing
import Watching

@Suite struct ScheduleTests {
  @Test("Pitfall 17: the first rescan is at once, and later ones back off")
  func theFirstRescanIsAtOnceAndLaterOnesBackOff() {
    var schedule = RescanSchedule(timing: WatchTiming())
    let start = ContinuousClock.Instant.now
    var now = start
    #expect(schedule.overflowed(at: now) == .zero)
    // More overflows before it begins are one.
    #expect(schedule.overflowed(at: now) == .zero)
    #expect(schedule.take(at: now) == true)
    #expect(schedule.take(at: now) == false)
    schedule.finished(at: now)
    var scans = 1
    while now < start + .seconds(3600) {
      now += .milliseconds(100)
      _ = schedule.overflowed(at: now)
      if schedule.take(at: now) {
        scans += 1
        schedule.finished(at: now)
      }
    }
    // 1 + 2 + 4 + … + 64 + 120 + 120 …
    #expect(scans < 45)
    #expect(scans > 30)
    // After a quiet time it is at once again.
    now += .seconds(1000)
    #expect(schedule.take(at: now) == true)
    schedule.finished(at: now)
    now += .seconds(1000)
    #expect(schedule.overflowed(at: now) == .zero)
  }

  /// Whatever the rhythm of the overflows and the length of a scan: ever fewer scans, half of the time at most, and none is
  /// later than it may be.
  @Test(arguments: [0.5, 3, 30, 119, 200], [0, 10, 600])
  func overflowsThatGoOnCostFewScans(period: Double, duration: Int) {
    let timing = WatchTiming()
    var schedule = RescanSchedule(timing: timing)
    let start = ContinuousClock.Instant.now
    let hours = 2
    var (now, nextOverflow) = (start, start)
    /// Of the scan that goes on; of the first overflow that no scan has begun after.
    var (end, lost): (ContinuousClock.Instant?, ContinuousClock.Instant?)
    var scans = 0
    while now < start + .seconds(hours * 3600) {
      if now >= nextOverflow {
        _ = schedule.overflowed(at: now)
        nextOverflow = now + .seconds(period)
        if lost == nil { lost = now }
      }
      if let over = end, now >= over {
        schedule.finished(at: over)
        end = nil
      }
      if schedule.take(at: now) {
        #expect(end == nil, "one at a time")
        if let lost {
          #expect(now - lost <= max(timing.rescanDelayMaximum, .seconds(duration)) + .seconds(duration + 1))
        }
        lost = nil
        scans += 1
        end = now + .seconds(duration)
      }
      now = [nextOverflow, end, schedule.next].compactMap(\.self).filter { $0 > now }.min() ?? nextOverflow
    }
    #expect(scans <= 20 + hours * 30)
    #expect(scans * duration <= hours * 1800 + duration * 2)
  }

  @Test func anOverflowDuringAScanWantsAnother() {
    var schedule = RescanSchedule(timing: WatchTiming())
    let start = ContinuousClock.Instant.now
    _ = schedule.overflowed(at: start)
    #expect(schedule.take(at: start) == true)
    _ = schedule.overflowed(at: start + .seconds(4))
    #expect(schedule.take(at: start + .seconds(9)) == false, "the first goes on")
    schedule.finished(at: start + .seconds(10))
    #expect(schedule.next == start + .seconds(20))
    #expect(schedule.take(at: start + .seconds(20)) == true)
    schedule.finished(at: start + .seconds(30))
    #expect(schedule.next == nil)
  }

  @Test func theHeapSorts() {
    var random = SeededGenerator(seed: 1)
    var heap = DeadlineHeap<Int>()
    let start = ContinuousClock.Instant.now
    let numbers = (0..<500).map { _ in Int.random(in: 0..<200, using: &random) }
    for number in numbers { heap.push(number, at: start + .seconds(number)) }
    var sorted: [Int] = []
    #expect(heap.pop(at: start - .seconds(1)) == nil)
    while let next = heap.pop(at: start + .seconds(1000)) { sorted.append(next.element) }
    #expect(sorted == numbers.sorted())
    #expect(heap.isEmpty)
  }

  @Test func admissionGoesByName() {
    let admission = Admission(excluding: ["/srv/uploads/.quarantine/"])
    #expect(admission.isExcluded("/srv/uploads/.quarantine"))
    #expect(admission.isExcluded("/srv/uploads/.quarantine/a"))
    #expect(!admission.isExcluded("/srv/uploads/.quarantined"))
    let all = WatchRoot(path: "/a")
    let images = WatchRoot(path: "/b", include: ["*.png", "*.jp*g"])
    #expect(admission.root(for: "x.PNG", among: [images]) == images)
    #expect(admission.root(for: ".x.jpeg", among: [images]) == images)
    #expect(admission.root(for: "x.gif", among: [images]) == nil)
    #expect(admission.root(for: "x.gif", among: [images, all]) == all)
  }
}
