import Testing
import Threading

@testable import staypos

@Suite struct MemoryBudgetTests {
  /// Several threads never have more than there is, and all get their turn.
  @Test func itIsShared() {
    let budget = MemoryBudget(100)
    let state = Monitor((taken: 0, most: 0, done: 0))
    let threads = (1...8).map { number in
      DedicatedThread(name: "taker") {
        for _ in 0..<200 {
          let bytes = number * 9
          budget.take(bytes)
          state.update { state in
            state.taken += bytes
            state.most = max(state.most, state.taken)
          }
          state.update { $0.taken -= bytes }
          budget.giveBack(bytes)
        }
        state.update { $0.done += 1 }
      }
    }
    for thread in threads { thread.join() }
    #expect(state.read { $0.done } == 8)
    #expect((72...100).contains(state.read { $0.most }))
  }

  /// What is larger than everything goes alone: the detector says that it is too much.
  @Test func nothingWaitsForEver() {
    let budget = MemoryBudget(10)
    let isDone = Monitor(false)
    DedicatedThread.detach(name: "taker") {
      budget.take(1000)
      budget.giveBack(1000)
      budget.take(3)
      budget.take(7)
      isDone.update { $0 = true }
    }
    #expect(isDone.wait(timeout: .seconds(60)) { $0 ? () : nil } != nil)
  }
}
