/// How a value is stored: number · step.
struct Encoding: Hashable, Sendable {
  var type: DataType
  var step: Float = 1

  static let fp32 = Encoding(type: .fp32)

  /// What lies beyond the range becomes the outermost number: that is all that ReLU and ReLU6 do.
  static func integer(range: Float, of activation: Activation) -> Encoding {
    // A map that was 0 everywhere still needs a step.
    let range = max(range, 1e-12)
    return switch activation {
    case .none: Encoding(type: .s8, step: range / 127)
    case .relu: Encoding(type: .u8, step: range / 255)
    case .relu6: Encoding(type: .u8, step: min(range, 6) / 255)
    }
  }

  /// Exact up to the rounding of the product.
  func decode(_ source: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>, count: Int) {
    switch type {
    case .fp32: target.update(from: source.assumingMemoryBound(to: Float.self), count: count)
    case .bf16:
      let source = source.assumingMemoryBound(to: UInt16.self)
      for index in 0..<count { target[index] = Float(bitPattern: UInt32(source[index]) << 16) }
    case .u8:
      let source = source.assumingMemoryBound(to: UInt8.self)
      for index in 0..<count { target[index] = Float(source[index]) * step }
    case .s8:
      let source = source.assumingMemoryBound(to: Int8.self)
      for index in 0..<count { target[index] = Float(source[index]) * step }
    }
  }
}
