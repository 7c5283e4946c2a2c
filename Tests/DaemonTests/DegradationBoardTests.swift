import Journaling
import StayposCore
import Testing

@testable import Daemon

@Suite struct DegradationBoardTests {
  @Test("what is over goes, though its detail has changed since it was told")
  func changedDetail() {
    let board = DegradationBoard(events: EventHub(journal: EventLog(capacity: 8) { _ in }))
    let other = Degradation(kind: "unmounted", detail: "/b", since: Timestamp(nanoseconds: 2), remedy: "mount it")
    var limit = Degradation(
      kind: "watch-limit", detail: "1 of 9 directories have no inotify watch", since: Timestamp(nanoseconds: 1),
      remedy: "raise it")
    board.insert(limit)
    board.insert(other)
    limit.detail = "7 of 9 directories have no inotify watch"
    board.remove(limit)
    #expect(board.all == [other])
  }
}
