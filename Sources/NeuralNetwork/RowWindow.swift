import Glibc

/// The rows of a feature map that are still needed, in one piece of memory: new ones come in below, old ones leave above.
struct RowWindow {
  private let base: UnsafeMutableRawPointer
  /// Bytes of a row.
  private let rowSize: Int
  /// Rows.
  private let capacity: Int
  /// The row that lies at `base`.
  private var origin: Int
  private(set) var rows: Range<Int>

  /// - Parameters:
  ///   - base: memory for `capacity` rows; has to outlive the window.
  ///   - margin: rows of zeros above row 0.
  init(at base: UnsafeMutableRawPointer, rowSize: Int, capacity: Int, margin: Int) {
    (self.base, self.rowSize, self.capacity) = (base, rowSize, capacity)
    origin = -margin
    rows = -margin..<(-margin)
    appendZeros(margin, keepingFrom: -margin)
  }

  /// Below the others.
  mutating func appendZeros(_ count: Int, keepingFrom first: Int) {
    guard count > 0 else { return }
    append(count, keepingFrom: first)
    memset(address(of: rows.upperBound - count), 0, count * rowSize)
  }

  /// Where a row begins; the rows below it follow without gaps.
  func address(of row: Int) -> UnsafeMutableRawPointer {
    precondition(rows.contains(row))
    return base + (row - origin) * rowSize
  }

  /// Makes room for `count` rows below.
  /// - Parameter first: the first row that is still needed.
  mutating func append(_ count: Int, keepingFrom first: Int) {
    rows = max(rows.lowerBound, min(first, rows.upperBound))..<rows.upperBound
    if rows.upperBound - origin + count > capacity {
      precondition(rows.count + count <= capacity)
      base.copyMemory(from: base + (rows.lowerBound - origin) * rowSize, byteCount: rows.count * rowSize)
      origin = rows.lowerBound
    }
    rows = rows.lowerBound..<rows.upperBound + count
  }
}
