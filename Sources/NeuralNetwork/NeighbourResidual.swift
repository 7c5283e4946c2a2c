/// Each pixel less the upper left one of its block of 2×2: x − up(down(x)), where both double or halve the size by the
/// nearest neighbour (Tan et al., Rethinking the Up-Sampling Operations, 2024). Of an odd size, the last row or column is
/// a block of its own.
///
/// Sees the rows from top to bottom and keeps one.
struct NeighbourResidual {
  private let tables: [Float]
  /// The last row of even number.
  private var upper: [UInt8] = []

  init(_ normalization: PixelNormalization) {
    tables = normalization.tables
  }

  /// The difference of the two normalized values.
  /// - Parameters:
  ///   - pixels: RGB, interleaved; the row below the one before.
  ///   - target: as many values in the same order.
  mutating func apply(
    to pixels: UnsafeBufferPointer<UInt8>, row: Int, into target: UnsafeMutableRawPointer, as type: DataType
  ) {
    if row.isMultiple(of: 2) { upper = Array(pixels) }
    switch type {
    case .fp32:
      let target = target.assumingMemoryBound(to: Float.self)
      subtract(from: pixels) { target[$0] = $1 }
    case .bf16:
      let target = target.assumingMemoryBound(to: UInt16.self)
      subtract(from: pixels) { target[$0] = BFloat16.rounding($1) }
    case .u8, .s8: preconditionFailure("no network reads the image as bytes")
    }
  }

  @inline(__always)
  private func subtract(from pixels: UnsafeBufferPointer<UInt8>, _ store: (Int, Float) -> Void) {
    tables.withUnsafeBufferPointer { tables in
      upper.withUnsafeBufferPointer { upper in
        for index in 0..<pixels.count {
          let (column, channel) = (index / 3, index % 3)
          let neighbour = upper[3 * (column & ~1) + channel]
          store(index, tables[256 * channel + Int(pixels[index])] - tables[256 * channel + Int(neighbour)])
        }
      }
    }
  }
}
