/// Hands values from any thread to one that sleeps until there is something to do.
///
/// Offering never waits for the consumer, so that a slow one cannot hold up the flow of images.
package final class BoundedQueue<Element: Sendable>: Sendable {
  private struct State: Sendable {
    var elements: [Element] = []
    var isClosed = false
  }

  private let capacity: Int
  private let state = Monitor(State())

  package init(capacity: Int) {
    self.capacity = capacity
  }

  /// False if the queue is full or closed: the element is not kept.
  package func offer(_ element: Element) -> Bool {
    state.update { state in
      guard !state.isClosed, state.elements.count < capacity else { return false }
      state.elements.append(element)
      return true
    }
  }

  /// Everything offered since the last call, in order; waits for at least one. nil once the queue is closed and empty,
  /// or after a timeout.
  ///
  /// - Parameter timeout: nil waits for ever.
  package func takeAll(timeout: Duration? = nil) -> [Element]? {
    let taken: [Element]?? = state.wait(timeout: timeout) { state in
      if state.elements.isEmpty { return state.isClosed ? .some(nil) : nil }
      defer { state.elements.removeAll(keepingCapacity: state.elements.count < 256) }
      return state.elements
    }
    return taken ?? nil
  }

  /// What is inside may still be taken; nothing more goes in.
  package func close() {
    state.update { $0.isClosed = true }
  }
}
