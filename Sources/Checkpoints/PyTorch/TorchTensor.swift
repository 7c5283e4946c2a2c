/// A piece of memory that tensors share, as the pickle names it.
struct TorchStorage: Hashable, Sendable {
  /// Name of its record, or of its place in an older file.
  var key: String
  var type: ElementType
  /// Elements.
  var count: Int

  /// Classes in the module `torch`; others have elements that we do not know.
  static let types: [String: ElementType] = [
    "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
    "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8,
    "BoolStorage": .bool, "ComplexFloatStorage": .complex64,
  ]
}

/// A view of a storage.
struct TorchTensor: Hashable, Sendable {
  /// Index in ``PickleHeap/storages``.
  var storage: Int
  /// Of the first element, in elements.
  var offset: Int
  /// Outermost dimension first; empty for a scalar.
  var shape: [Int]
  /// Elements from one index to the next, of each dimension.
  var strides: [Int]
  /// Elements.
  let count: Int
  /// Elements of the storage that are seen, those between them included.
  let span: Range<Int>

  static let mostDimensions = 64
  /// A view may show an element many times (`expand`); more than so many elements it must not make of nothing.
  private static let largestExpansion = 1 << 24

  /// Nil: it does not lie wholly in the storage.
  init?(storage: Int, of length: Int, offset: Int, shape: [Int], strides: [Int]) {
    guard shape.count == strides.count, offset >= 0,
      shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 })
    else { return nil }
    var (count, last) = (1, 0)
    for (size, stride) in zip(shape, strides) {
      let (product, tooMany) = count.multipliedReportingOverflow(by: size)
      let (reach, tooFar) = max(size - 1, 0).multipliedReportingOverflow(by: stride)
      let (sum, beyond) = last.addingReportingOverflow(reach)
      guard !tooMany, !tooFar, !beyond else { return nil }
      (count, last) = (product, sum)
    }
    let (end, beyond) = last.addingReportingOverflow(offset)
    guard count == 0 || !beyond && end < length, count <= max(length, Self.largestExpansion) else { return nil }
    (self.storage, self.offset, self.shape, self.strides) = (storage, offset, shape, strides)
    self.count = count
    // Of nothing, the place does not matter: PyTorch may put it anywhere.
    span = count == 0 ? 0..<0 : offset..<end + 1
  }

  /// Whether the elements lie one behind the other in row-major order.
  var isContiguous: Bool {
    var expected = 1
    for (size, stride) in zip(shape, strides).reversed() where size != 1 {
      guard stride == expected else { return count == 0 }
      expected *= size
    }
    return true
  }

  /// The elements in row-major order.
  /// - Parameter bytes: of ``span``.
  func gathered(from bytes: [UInt8], elementSize: Int) -> [UInt8] {
    guard !isContiguous else { return bytes }
    // Innermost dimension last; those of one element have no part in it.
    let dimensions = zip(shape, strides).filter { $0.0 != 1 }
    guard let inner = dimensions.last, count > 0 else { return bytes }
    let outer = dimensions.dropLast()
    return [UInt8](unsafeUninitializedCapacity: count * elementSize) { target, initialized in
      bytes.withUnsafeBytes { source in
        guard let source = source.baseAddress, var target = target.baseAddress.map({ UnsafeMutableRawPointer($0) })
        else { return }
        var index = outer.map { _ in 0 }
        var start = 0
        while true {
          var place = start
          for _ in 0..<inner.0 {
            target.copyMemory(from: source + place * elementSize, byteCount: elementSize)
            target += elementSize
            place += inner.1
          }
          // The next row, as an odometer goes on.
          var digit = outer.count - 1
          while digit >= 0 {
            index[digit] += 1
            start += outer[digit].1
            if index[digit] < outer[digit].0 { break }
            start -= index[digit] * outer[digit].1
            index[digit] = 0
            digit -= 1
          }
          if digit < 0 { break }
        }
      }
      initialized = count * elementSize
    }
  }
}
