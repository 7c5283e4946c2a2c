import COneDNN

/// Type of stored numbers.
package enum DataType: Hashable, Sendable {
  case fp32
  /// The upper half of an fp32 number: 8 bits of exponent, 7 of fraction.
  case bf16
  /// 0...255
  case u8
  /// -128...127
  case s8

  /// Whether oneDNN computes with it on this processor, at whatever speed; `ONEDNN_MAX_CPU_ISA` counts. Without VNNI
  /// instructions it could multiply bytes, but their sums would saturate at 16 bits.
  package var isSupported: Bool {
    switch self {
    case .fp32: true
    case .bf16: Processor.has(dnnl_cpu_isa_avx512_core)
    case .u8, .s8: Processor.has(dnnl_cpu_isa_avx512_core_vnni)
    }
  }

  /// Whether the processor has instructions for it: for bf16, AVX512_BF16 or AMX-BF16.
  package var isNative: Bool {
    self == .bf16 ? Processor.has(dnnl_cpu_isa_avx512_core_bf16) : isSupported
  }

  /// Bytes of a value.
  var size: Int {
    switch self {
    case .fp32: 4
    case .bf16: 2
    case .u8, .s8: 1
    }
  }

  var isInteger: Bool { self == .u8 || self == .s8 }

  /// As oneDNN calls it.
  var code: dnnl_data_type_t {
    switch self {
    case .fp32: dnnl_f32
    case .bf16: dnnl_bf16
    case .u8: dnnl_u8
    case .s8: dnnl_s8
    }
  }
}

/// The processor as oneDNN sees it: `ONEDNN_MAX_CPU_ISA` counts.
enum Processor {
  /// Every instruction set's bits hold those of the ones that it extends.
  static func has(_ instructions: dnnl_cpu_isa_t) -> Bool {
    dnnl_get_effective_cpu_isa().rawValue & instructions.rawValue == instructions.rawValue
  }
}
