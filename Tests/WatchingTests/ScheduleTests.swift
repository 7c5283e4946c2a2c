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
    var scans = 1
    while now < start + .seconds(3600) {
      now += .milliseconds(100)
      _ = schedule.overflowed(at: now)
      if schedule.take(at: now) { scans += 1 }
    }
    // 1 + 2 + 4 + … + 64 + 120 + 120 …
    #expect(scans < 45)
    #expect(scans > 30)
    // After a quiet time it is at once again.
    now += .seconds(1000)
    #expect(schedule.take(at: now) == true)
    now += .seconds(1000)
    #expect(schedule.overflowed(at: now) == .zero)
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
