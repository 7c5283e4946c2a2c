import Glibc
import StayposCore
import Synchronization

/// A thread that runs before the filter is installed, as OpenMP's do; it opens a file when it is asked.
final class EarlyThread: Sendable {
  private let isAsked = Atomic<Bool>(false)
  /// -1 until the thread has tried; then 0 or the error's number.
  private let code = Atomic<CInt>(-1)

  static let shared = EarlyThread()

  func start() {
    var identifier = pthread_t()
    pthread_create(&identifier, nil, earlyThread, nil)
  }

  fileprivate func run() {
    while !isAsked.load(ordering: .acquiring) { sched_yield() }
    code.store(open("/etc/passwd", O_RDONLY) < 0 ? errno : 0, ordering: .releasing)
  }

  func ask() -> ScoringOutcome {
    isAsked.store(true, ordering: .releasing)
    while code.load(ordering: .acquiring) < 0 { sched_yield() }
    let code = code.load(ordering: .relaxed)
    return .notScored(.corrupt, detail: code == 0 ? "done" : "\(code)")
  }
}

private func earlyThread(_: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  EarlyThread.shared.run()
  return nil
}
