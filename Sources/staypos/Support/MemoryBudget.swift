import Threading

/// Memory that several threads share.
final class MemoryBudget: Sendable {
  private let limit: Int?
  private let taken = Monitor((bytes: 0, count: 0))

  /// - Parameter limit: in bytes; nil: none.
  init(_ limit: Int?) {
    self.limit = limit
  }

  /// Waits until there is so much, or nobody else has any.
  func take(_ bytes: Int) {
    _ = taken.wait { taken -> Void? in
      if let limit, taken.count > 0, taken.bytes + bytes > limit { return nil }
      taken.bytes += bytes
      taken.count += 1
      return ()
    }
  }

  func giveBack(_ bytes: Int) {
    taken.update { taken in
      taken.bytes -= bytes
      taken.count -= 1
    }
  }
}
