import NeuralNetwork
import StayposCore

extension Precision {
  /// What the network computes in on this processor, as far as `ONEDNN_MAX_CPU_ISA` lets oneDNN use it. `auto`: bf16 where
  /// there are instructions for it, else fp32.
  func dataType() throws(DetectionError) -> DataType {
    switch self {
    case .auto: DataType.bf16.isNative ? .bf16 : .fp32
    case .fp32: .fp32
    case .bf16: .bf16
    case .int8:
      throw DetectionError(.unsupportedPrecision, "precision int8 is not available in this version: use auto or fp32")
    }
  }

  init(_ type: DataType) {
    switch type {
    case .fp32: self = .fp32
    case .bf16: self = .bf16
    }
  }
}
