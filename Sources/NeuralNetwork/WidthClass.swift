/// Widths that operations are compiled for. An image lies in memory with the next of them, so that images of any width
/// need few different operations; the columns right of the image are zeros wherever a window sees them, as padding is.
enum WidthClass {
  /// The narrowest class, and the least distance between two.
  private static let unit = 16
  /// Classes between a power of two and the next.
  private static let steps = 16

  /// The narrowest class that is no narrower: at most a sixteenth wider, but for widths below 256.
  static func rounding(_ width: Int) -> Int {
    precondition(width > 0)
    let power = 1 << (Int.bitWidth - 1 - width.leadingZeroBitCount)
    let step = max(unit, power / steps)
    return (width + step - 1) / step * step
  }
}
