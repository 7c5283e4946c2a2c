/// Elements by deadline, the earliest first: a binary heap.
package struct DeadlineHeap<Element> {
  private var items: [(deadline: ContinuousClock.Instant, element: Element)] = []

  package init() {}

  package var isEmpty: Bool { items.isEmpty }

  package var earliest: ContinuousClock.Instant? { items.first?.deadline }

  package mutating func push(_ element: Element, at deadline: ContinuousClock.Instant) {
    items.append((deadline, element))
    var index = items.count - 1
    while index > 0, items[index].deadline < items[(index - 1) / 2].deadline {
      items.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// The earliest element if its deadline has come.
  package mutating func pop(
    at now: ContinuousClock.Instant
  ) -> (deadline: ContinuousClock.Instant, element: Element)? {
    guard let first = items.first, first.deadline <= now else { return nil }
    items.swapAt(0, items.count - 1)
    items.removeLast()
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < items.count && items[child].deadline < items[least].deadline {
        least = child
      }
      if least == index { return first }
      items.swapAt(index, least)
      index = least
    }
  }
}
