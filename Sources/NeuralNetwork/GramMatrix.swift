import COneDNN

/// AᵀA of a tall matrix that comes in blocks of rows, in fp32.
package struct GramMatrix {
  /// Columns of the tall matrix; rows and columns of this one.
  package let size: Int
  /// Row-major; what lies below the blocks on the diagonal is not filled.
  private var values: [Float]
  private let threads: Int

  /// Columns of a block: the product is symmetric, and blocks left of the diagonal are left out.
  private static let panel = 256

  package init(size: Int, threads: Int) {
    precondition(size > 0 && threads > 0)
    (self.size, self.threads) = (size, threads)
    values = Array(repeating: 0, count: size * size)
  }

  /// Adds the product of some more rows.
  /// - Parameter rows: row-major, `count` × ``size`` values from the first one on.
  package mutating func add(_ rows: [Float], count: Int) throws(NetworkError) {
    precondition(rows.count >= count * size)
    let before = omp_get_max_threads()
    omp_set_num_threads(Int32(threads))
    defer { omp_set_num_threads(before) }
    let width = dnnl_dim_t(size)
    var status = dnnl_success
    rows.withUnsafeBufferPointer { rows in
      values.withUnsafeMutableBufferPointer { values in
        guard let source = rows.baseAddress, let target = values.baseAddress else { return }
        for first in stride(from: 0, to: size, by: Self.panel) where status == dnnl_success {
          status = dnnl_sgemm(
            CChar(UInt8(ascii: "T")), CChar(UInt8(ascii: "N")), dnnl_dim_t(min(Self.panel, size - first)),
            dnnl_dim_t(size - first), dnnl_dim_t(count), 1, source + first, width, source + first, width, 1,
            target + first * size + first, width)
        }
      }
    }
    try check(status, "multiply matrices")
  }

  /// All of it, row-major.
  package var symmetric: [Double] {
    [Double](unsafeUninitializedCapacity: size * size) { target, count in
      values.withUnsafeBufferPointer { values in
        for row in 0..<size {
          for column in row..<size {
            let value = Double(values[row * size + column])
            target.initializeElement(at: row * size + column, to: value)
            if column != row { target.initializeElement(at: column * size + row, to: value) }
          }
        }
      }
      count = size * size
    }
  }
}
