import Glibc

/// State with a lock and a condition: threads sleep until another thread's change wakes them (pthread_cond_wait(3)).
package final class Monitor<State: Sendable>: @unchecked Sendable {
  // Unchecked: `state` is touched under `mutex` only.
  private var state: State
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  package init(_ state: State) {
    self.state = state
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    condition = .allocate(capacity: 1)
    condition.initialize(to: pthread_cond_t())
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // Deadlines must not move when somebody sets the clock.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    condition.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Reads or changes the state and wakes every waiter to look at it.
  package func update<Result, Failure: Error>(
    _ change: (inout State) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return try change(&state)
  }

  /// Reads the state; wakes nobody.
  package func read<Result>(_ body: (State) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(state)
  }

  /// Blocks until `take` gives a value or the timeout has passed; `take` runs under the lock, first at once and then
  /// after every change.
  /// - Parameter timeout: nil waits for ever; a negative one is over.
  /// - Returns: nil only after a timeout.
  package func wait<Result>(timeout: Duration? = nil, until take: (inout State) -> Result?) -> Result? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let deadline = timeout.map(Self.deadline)
    while true {
      if let result = take(&state) { return result }
      if var deadline {
        // Whatever else it might refuse must not turn into a loop that keeps the lock.
        if pthread_cond_timedwait(condition, mutex, &deadline) != 0 { return take(&state) }
      } else {
        pthread_cond_wait(condition, mutex)
      }
    }
  }

  private static func deadline(in timeout: Duration) -> timespec {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    // A negative part would make the timespec invalid.
    let (seconds, attoseconds) = max(timeout, .zero).components
    let nanoseconds = time.tv_nsec + Int(attoseconds / 1_000_000_000)
    time.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    time.tv_nsec = nanoseconds % 1_000_000_000
    return time
  }
}
