import COneDNN

/// How a network stores feature maps and weights. Sums and biases are fp32 either way.
package enum DataType: Hashable, Sendable, CaseIterable {
  case fp32
  /// The upper half of an fp32 number: 8 bits of exponent, 7 of fraction.
  case bf16

  /// Whether oneDNN computes with it on this processor, at whatever speed; `ONEDNN_MAX_CPU_ISA` counts.
  package var isSupported: Bool {
    switch self {
    case .fp32: true
    case .bf16: Self.processorHas(dnnl_cpu_isa_avx512_core)
    }
  }

  /// Whether the processor has instructions for it: AVX512_BF16 or AMX-BF16.
  package var isNative: Bool {
    switch self {
    case .fp32: true
    case .bf16: Self.processorHas(dnnl_cpu_isa_avx512_core_bf16)
    }
  }

  /// Bytes of a value.
  var size: Int {
    switch self {
    case .fp32: 4
    case .bf16: 2
    }
  }

  /// As oneDNN calls it.
  var code: dnnl_data_type_t {
    switch self {
    case .fp32: dnnl_f32
    case .bf16: dnnl_bf16
    }
  }

  /// Every instruction set's bits hold those of the ones that it extends.
  private static func processorHas(_ instructions: dnnl_cpu_isa_t) -> Bool {
    dnnl_get_effective_cpu_isa().rawValue & instructions.rawValue == instructions.rawValue
  }
}

/// bf16 numbers as their bits.
enum BFloat16 {
  /// To the nearest, ties to even. Not for NaN.
  static func rounding(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  /// Exact.
  static func expand(_ source: UnsafePointer<UInt16>, into target: UnsafeMutablePointer<Float>, count: Int) {
    var index = 0
    while index < count {
      target[index] = Float(bitPattern: UInt32(source[index]) << 16)
      index += 1
    }
  }
}
