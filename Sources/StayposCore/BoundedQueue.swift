import Glibc

/// Hands values from any thread to one that blocks until there is something to do.
///
/// Offering never blocks longer than the lock, so that a slow consumer cannot hold up the flow of images.
package final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
  // Unchecked: everything below is touched only between lock and unlock of `mutex`. `Mutex` has no condition to wait on.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let capacity: Int
  private var elements: [Element] = []
  private var isClosed = false

  package init(capacity: Int) {
    self.capacity = capacity
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// False if the queue is full or closed: the element is not kept.
  package func offer(_ element: Element) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard !isClosed, elements.count < capacity else { return false }
    elements.append(element)
    pthread_cond_signal(changed)
    return true
  }

  /// Everything offered since the last call, in order; waits for at least one. nil once the queue is closed and empty.
  package func takeAll() -> [Element]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while elements.isEmpty {
      if isClosed { return nil }
      pthread_cond_wait(changed, mutex)
    }
    return takeLocked()
  }

  /// As ``takeAll()``, but waits no longer than `limit`: then it is an empty array.
  package func takeAll(within limit: Duration) -> [Element]? {
    var deadline = timespec()
    clock_gettime(CLOCK_REALTIME, &deadline)
    let (seconds, attoseconds) = limit.components
    let nanoseconds = deadline.tv_nsec + Int(attoseconds / 1_000_000_000)
    deadline.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
    deadline.tv_nsec = nanoseconds % 1_000_000_000
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while elements.isEmpty {
      if isClosed { return nil }
      if pthread_cond_timedwait(changed, mutex, &deadline) == ETIMEDOUT { break }
    }
    return takeLocked()
  }

  private func takeLocked() -> [Element] {
    defer { elements.removeAll(keepingCapacity: elements.count < 256) }
    return elements
  }

  /// What is inside may still be taken; nothing more goes in.
  package func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }
}
