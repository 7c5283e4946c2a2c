import StayposCore
import Testing

@testable import staypos

@Suite struct OrderedWorkTests {
  private struct Broken: Error {}

  private typealias Work = OrderedWork<Int, Int>

  private func item(_ task: Work.Task?) -> (number: Int, item: Int, isAlone: Bool)? {
    guard case .item(let number, let item, let isAlone) = task else { return nil }
    return (number, item, isAlone)
  }

  /// Any number of threads that take their turns in any order.
  @Test(arguments: 0..<50 as Range<UInt64>)
  func resultsComeInTheOrderOfTheItems(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let (count, threads, capacity) = (Int.random(in: 0...40, using: &random), 1 + Int(seed % 4), 6)
    var work = Work(capacity: capacity)
    var (found, delivered): (Int, [Int]) = (0, [])
    var inWork: [(number: Int, item: Int)] = []
    var isOver = false
    while !isOver {
      if Bool.random(using: &random) {
        switch work.isComplete ? work.takeLast() : work.takeOrGoOn() {
        case .value(let result): delivered.append(try result.get())
        case .goOn:
          if work.isComplete {
            isOver = true
          } else if found < count {
            work.add(found)
            found += 1
          } else {
            work.isComplete = true
          }
        case nil: break
        }
      } else if inWork.count < threads, Bool.random(using: &random) {
        guard let next = item(work.next()) else { continue }
        #expect(next.isAlone == (count == 1))
        inWork.append((next.number, next.item))
      } else if let index = inWork.indices.randomElement(using: &random) {
        let (number, item) = inWork.remove(at: index)
        work.finish(number, .success(item * item))
      }
      #expect(found - delivered.count <= capacity)
    }
    #expect(delivered == (0..<count).map { $0 * $0 })
    #expect(item(work.next()) == nil && work.next() != nil)
  }

  @Test func afterAFailureNothingIsBegun() throws {
    var work = Work(capacity: 9)
    for number in 0..<4 { work.add(number) }
    let first = try #require(item(work.next())), second = try #require(item(work.next()))
    work.finish(second.number, .failure(Broken()))
    #expect(item(work.next()) == nil)
    // What was begun before it is delivered before it.
    #expect(work.takeOrGoOn().map { if case .goOn = $0 { true } else { false } } == true)
    work.finish(first.number, .success(7))
    guard case .value(let one) = work.takeLast(), case .value(let other) = work.takeLast() else {
      Issue.record("no results")
      return
    }
    #expect(try one.get() == 7)
    #expect(throws: Broken.self) { try other.get() }
  }

  @Test func whatIsStoppedEnds() {
    var work = Work(capacity: 9)
    work.add(0)
    // Whether another follows is not known.
    #expect(work.next() == nil)
    work.stop()
    #expect(work.next() != nil && item(work.next()) == nil)
  }
}
