/// Which rows of output can be made from which rows of input. Rows beyond the image are padding and count nowhere.
extension Window {
  /// Rows of output that the first `rows` of an image of `height` rows suffice for.
  func outputRows(from rows: Int, of height: Int) -> Int {
    if rows == height { return outputLength(height) }
    let reach = rows + padding.before - kernel
    return reach < 0 ? 0 : reach / stride + 1
  }

  /// The rows of an image of `height` rows that `outputs` are made of, and the rows of padding above and below them. The
  /// image is never empty, since no padding is as high as the kernel.
  func source(of outputs: Range<Int>, height: Int) -> (rows: Range<Int>, padding: Padding) {
    let start = outputs.lowerBound * stride - padding.before
    let end = (outputs.upperBound - 1) * stride - padding.before + kernel
    let rows = max(0, start)..<min(height, end)
    return (rows, Padding(before: rows.lowerBound - start, after: end - rows.upperBound))
  }

  /// The first row that `output` and what comes below it is made of.
  func firstRow(for output: Int) -> Int {
    max(0, output * stride - padding.before)
  }
}
