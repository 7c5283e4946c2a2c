import NeuralNetwork
import StayposCore

extension Precision {
  /// What the network computes in on this processor, as far as `ONEDNN_MAX_CPU_ISA` lets oneDNN use it. `auto`: bf16 where
  /// there are instructions for it, else fp32.
  func arithmetic(_ calibration: Calibration?) throws(DetectionError) -> Arithmetic {
    switch self {
    case .auto: return DataType.bf16.isNative ? .bf16 : .fp32
    case .fp32: return .fp32
    case .bf16: return .bf16
    case .int8:
      guard let calibration else {
        throw DetectionError(
          .unsupportedPrecision,
          "the model is not calibrated for int8: make one that is with staypos model quantize, or use auto or fp32")
      }
      return .int8(calibration)
    }
  }

  init(_ arithmetic: Arithmetic) {
    switch arithmetic {
    case .fp32: self = .fp32
    case .bf16: self = .bf16
    case .int8: self = .int8
    }
  }
}
