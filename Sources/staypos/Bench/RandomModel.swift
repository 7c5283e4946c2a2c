import Checkpoints
import Detection
import FoundationEssentials
import Glibc
import StayposCore
import SystemPackage

/// A model with random weights: speed and memory do not depend on what a network has learnt.
enum RandomModel {
  /// Goes through a file (without a name), as a real model does; for int8, noise calibrates it.
  static func detector(
    _ architecture: Architecture, precision: Precision, threads: Int?, streaming: Bool
  ) throws -> Detector {
    var template = Array("/tmp/staypos-bench.XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw Failure("cannot create a temporary file: \(Errno(rawValue: errno))") }
    defer { close(descriptor) }
    unlink(template)
    try FileDescriptor(rawValue: descriptor).writeAll(file(architecture))
    var model = try Model(descriptor: descriptor)
    if precision == .int8 {
      let calibrator = try Calibrator(model: model, threads: threads)
      var image = NoiseImage(ImageSize(width: 64, height: 64))
      _ = try calibrator.observe(&image)
      model.calibration = calibrator.calibration
    }
    return try Detector(model: model, precision: precision, threads: threads, streaming: streaming)
  }

  private static func file(_ architecture: Architecture) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var writer = SafetensorsWriter(metadata: [
      "format": "staypos-model", "format_version": "1", "name": "random \(architecture.family)", "head": "positive",
      "threshold": "0.5",
      "architecture": String(decoding: try encoder.encode(architecture), as: UTF8.self),
      "preprocessing": #"{"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}"#,
    ])
    var random = SystemRandomNumberGenerator()
    for tensor in architecture.requiredTensors {
      let count = tensor.shape.reduce(1, *)
      try writer.add(tensor.name, shape: tensor.shape, floats: values(tensor, count: count, using: &random))
    }
    return writer.serialized()
  }

  /// He initialisation; BatchNorm as it is before training; a head of small positive weights.
  private static func values(
    _ tensor: RequiredTensor, count: Int, using random: inout SystemRandomNumberGenerator
  ) -> [Float] {
    if tensor.shape.count == 4 {
      let fanIn = Float(count / tensor.shape[0])
      let bound = (6 / fanIn).squareRoot()
      return (0..<count).map { _ in Float.random(in: -bound...bound, using: &random) }
    }
    if tensor.name == "fc.weight" { return (0..<count).map { _ in Float.random(in: 0...0.01, using: &random) } }
    let isOne = tensor.name.hasSuffix(".running_var") || tensor.name.hasSuffix(".weight")
    return Array(repeating: isOne ? 1 : 0, count: count)
  }
}
