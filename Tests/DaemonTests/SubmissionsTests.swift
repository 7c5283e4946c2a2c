import ControlInterface
import ControlServer
import StayposCore
import Synchronization
import SystemPackage
import Testing

@testable import Daemon

@Suite struct SubmissionsTests {
  private final class Answers: Sendable {
    let paths = Mutex<[FilePath]>([])

    var waiter: SubmissionWaiter {
      SubmissionWaiter { [self] result in
        if let entry = try? result.get() { paths.withLock { $0.append(entry.path) } }
      }
    }
  }

  private func entry(_ path: FilePath) throws -> HistoryEntry {
    HistoryEntry(
      time: .now, path: path, verdict: .clear, threshold: try #require(Threshold(0.5)), duration: .zero)
  }

  @Test("who waits is answered once, whatever the file is called by then")
  func renamed() throws {
    let (submissions, answers) = (Submissions(), Answers())
    // The file itself was renamed while it was scored.
    submissions.add(answers.waiter, for: "/up/a")
    submissions.complete(try entry("/up/b"), queuedAs: "/up/a")
    // Its directory was renamed while it was queued.
    submissions.add(answers.waiter, for: "/up/x/c")
    submissions.add(answers.waiter, for: "/up/xy/c")
    submissions.rename(from: "/up/x", to: "/up/z")
    submissions.complete(try entry("/up/z/c"), queuedAs: "/up/z/c")
    submissions.complete(try entry("/up/x/c"), queuedAs: "/up/x/c")
    #expect(answers.paths.withLock { $0 } == ["/up/b", "/up/z/c"])
  }
}
