/// Items that several threads work on, and their results in the order of the items.
struct OrderedWork<Item: Sendable, Value: Sendable>: Sendable {
  /// Items that are queued, in work, or done and not taken.
  private let capacity: Int
  private var queue: [(number: Int, item: Item)] = []
  private var results: [Int: Result<Value, any Error>] = [:]
  private var added = 0
  private var taken = 0
  private var isStopped = false
  /// No item comes after those that were added.
  var isComplete = false

  init(capacity: Int) {
    self.capacity = capacity
  }

  // For who has the items.

  mutating func add(_ item: Item) {
    queue.append((added, item))
    added += 1
  }

  enum Turn {
    case value(Result<Value, any Error>)
    case goOn
  }

  /// The next result, or word that there is room for an item; nil: wait.
  mutating func takeOrGoOn() -> Turn? {
    if let result = takeResult() { return .value(result) }
    return added - taken < capacity ? .goOn : nil
  }

  /// The next result, or word that there is none left; nil: wait.
  mutating func takeLast() -> Turn? {
    if let result = takeResult() { return .value(result) }
    return taken == added ? .goOn : nil
  }

  /// Nothing is begun any more.
  mutating func stop() { isStopped = true }

  private mutating func takeResult() -> Result<Value, any Error>? {
    guard let result = results.removeValue(forKey: taken) else { return nil }
    taken += 1
    return result
  }

  // For who works.

  enum Task {
    /// - Parameter isAlone: there is no other item. Nothing that depends on how fast others are done.
    case item(number: Int, Item, isAlone: Bool)
    case none
  }

  /// Nil: wait. The first item is held back until it is known whether another follows.
  mutating func next() -> Task? {
    if isStopped || isComplete && queue.isEmpty { return Task.none }
    guard !queue.isEmpty, added > 1 || isComplete else { return nil }
    let (number, item) = queue.removeFirst()
    return .item(number: number, item, isAlone: added == 1)
  }

  mutating func finish(_ number: Int, _ result: Result<Value, any Error>) {
    results[number] = result
    if case .failure = result { isStopped = true }
  }
}
