/// What a network computes in. The image, the last feature map, sums and biases are fp32 in any case.
package enum Arithmetic: Sendable, Equatable {
  case fp32
  case bf16
  /// Weights and feature maps are 8-bit integers, sums of their products 32-bit ones: exact. Only the convolution that
  /// reads the image is fp32.
  case int8(Calibration)

  /// Whether this processor can; `ONEDNN_MAX_CPU_ISA` counts.
  package var isSupported: Bool {
    switch self {
    case .fp32: true
    case .bf16: DataType.bf16.isSupported
    case .int8: DataType.u8.isSupported
    }
  }

  func requireSupport() throws(NetworkError) {
    guard !isSupported else { return }
    throw NetworkError(
      .unsupported,
      self == .bf16
        ? "this processor cannot compute in bf16 (it needs AVX-512): use fp32"
        : "this processor cannot compute in int8 (it needs AVX512-VNNI): use fp32")
  }
}
