extension ElementType {
  /// Little-endian values of this type, at any alignment. F32, F16 and BF16 exactly; F64 rounded to the nearest (infinite
  /// beyond the range of Float); nil: they are no floating-point numbers.
  func floats(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
    switch self {
    case .float32: bytes.floats { (bits: UInt32) in Float(bitPattern: bits) }
    case .float16: bytes.floats { (bits: UInt16) in Float(Float16(bitPattern: bits)) }
    case .bfloat16: bytes.floats { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
    case .float64: bytes.floats { (bits: UInt64) in Float(Double(bitPattern: bits)) }
    default: nil
    }
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func floats<Bits: FixedWidthInteger & BitwiseCopyable>(_ value: (Bits) -> Float) -> [Float] {
    let size = MemoryLayout<Bits>.size
    return [Float](unsafeUninitializedCapacity: count / size) { buffer, initialized in
      for index in 0..<count / size {
        buffer.initializeElement(
          at: index, to: value(Bits(littleEndian: loadUnaligned(fromByteOffset: index * size, as: Bits.self))))
      }
      initialized = count / size
    }
  }
}
