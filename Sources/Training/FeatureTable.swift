import CLogisticRegression
import Glibc
import SystemPackage

/// Pooled features of many images, one row each, in memory or in a mapped file: what outgrows memory is streamed from disk,
/// since a pass reads it once from top to bottom.
///
/// Sendable without a check by the compiler: the memory is never written and lives as long as the owner.
package final class FeatureTable: @unchecked Sendable {
  /// Features of an image.
  package let columns: Int
  /// Images.
  package let count: Int
  /// The first row's first value.
  private let start: UnsafeRawPointer
  /// Bytes from row to row.
  private let stride: Int
  private let memory: UnsafeMutableRawBufferPointer
  private let isMapped: Bool

  /// - Parameter values: row-major.
  package init(_ values: [Float], columns: Int) {
    precondition(columns > 0 && values.count.isMultiple(of: columns))
    let size = values.count * MemoryLayout<Float>.stride
    let address = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 64)
    let memory = UnsafeMutableRawBufferPointer(start: address, count: size)
    values.withUnsafeBytes { memory.copyMemory(from: $0) }
    self.memory = memory
    self.columns = columns
    count = values.count / columns
    stride = columns * MemoryLayout<Float>.stride
    start = UnsafeRawPointer(address)
    isMapped = false
  }

  /// Maps a file.
  /// - Parameters:
  ///   - descriptor: of a file that is long enough and stays so; borrowed, and may be closed afterwards.
  ///   - offset: of the first row's first value.
  /// - Returns: nil if the kernel refuses; see `errno`.
  init?(mapping descriptor: CInt, offset: Int, stride: Int, columns: Int, count: Int) {
    precondition(stride >= columns * MemoryLayout<Float>.stride && count > 0)
    let size = offset + count * stride
    guard let address = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), address != MAP_FAILED else { return nil }
    memory = UnsafeMutableRawBufferPointer(start: address, count: size)
    start = UnsafeRawPointer(address) + offset
    (self.columns, self.count, self.stride) = (columns, count, stride)
    isMapped = true
  }

  /// Maps a file of nothing but fp32 numbers, row by row.
  package static func mapping(
    contentsOf path: FilePath, rows: Int, columns: Int
  ) throws(FeatureCacheError) -> FeatureTable {
    func failure(_ error: any Error) -> FeatureCacheError {
      FeatureCacheError(code: .system, path: path, message: "cannot read the features: \(error)")
    }
    let file: FileDescriptor
    let size: Int64
    do {
      file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      size = try file.seek(offset: 0, from: .end)
    } catch {
      throw failure(error)
    }
    defer { try? file.close() }
    let stride = columns * MemoryLayout<Float>.stride
    guard size == Int64(rows * stride) else {
      throw FeatureCacheError(
        code: .notACache, path: path, message: "has \(size) bytes, not \(rows) × \(columns) numbers of fp32")
    }
    guard let table = FeatureTable(mapping: file.rawValue, offset: 0, stride: stride, columns: columns, count: rows)
    else { throw failure(Errno(rawValue: errno)) }
    return table
  }

  deinit {
    if isMapped { munmap(memory.baseAddress, memory.count) } else { memory.deallocate() }
  }

  /// One image's features.
  package func row(_ index: Int) -> [Float] {
    precondition((0..<count).contains(index))
    let row = (start + index * stride).assumingMemoryBound(to: Float.self)
    return Array(UnsafeBufferPointer(start: row, count: columns))
  }

  /// Hands some rows to C.
  func withRows<Result>(_ rows: ArraySlice<UInt32>, threads: Int, _ body: (logreg_table) -> Result) -> Result {
    rows.withUnsafeBufferPointer { rows in
      body(
        logreg_table(
          values: start, stride: stride, columns: columns, rows: rows.baseAddress, count: rows.count,
          threads: CInt(threads)))
    }
  }
}
