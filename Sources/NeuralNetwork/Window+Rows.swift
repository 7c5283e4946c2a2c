/// Which rows of output are made of which rows of input. Rows above 0 and below the image are padding: rows of zeros.
extension Window {
  /// Rows of output that the first `rows` of an image of `height` rows suffice for.
  func outputRows(from rows: Int, of height: Int) -> Int {
    if rows == height { return outputLength(height) }
    let reach = rows + padding.before - kernel
    return reach < 0 ? 0 : reach / stride + 1
  }

  /// The rows that `outputs` are made of, padding included.
  func source(of outputs: Range<Int>) -> Range<Int> {
    firstRow(for: outputs.lowerBound)..<firstRow(for: outputs.upperBound - 1) + kernel
  }

  /// The first row that `output` and what comes below it is made of.
  func firstRow(for output: Int) -> Int {
    output * stride - padding.before
  }
}
