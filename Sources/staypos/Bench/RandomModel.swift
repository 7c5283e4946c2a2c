import Checkpoints
import Detection
import FoundationEssentials
import Glibc
import StayposCore
import SystemPackage

/// A model with random weights: speed and memory do not depend on what a network has learnt.
struct RandomModel {
  let architecture: Architecture
  let preprocessing: Preprocessing

  init(_ argument: ArchitectureArgument) throws {
    (architecture, preprocessing) = try argument.load()
  }

  /// For int8, noise calibrates it.
  func detector(precision: Precision, threads: Int?, streaming: Bool) throws -> Detector {
    var model = try withFile { try Model(path: $0) }
    if precision == .int8 {
      let calibrator = try Calibrator(model: model, threads: threads)
      var image = NoiseImage(ImageSize(width: 64, height: 64))
      _ = try calibrator.observe(&image)
      model.calibration = calibrator.calibration
    }
    return try Detector(model: model, precision: precision, threads: threads, streaming: streaming)
  }

  /// A file, as a real model has one; gone afterwards, whatever happens.
  func withFile<Result>(_ body: (FilePath) throws -> Result) throws -> Result {
    var template = Array("/tmp/staypos-bench.XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw Failure("cannot create a temporary file: \(Errno(rawValue: errno))") }
    defer { close(descriptor) }
    unlink(template)
    try FileDescriptor(rawValue: descriptor).writeAll(file())
    return try body(FilePath("/proc/self/fd/\(descriptor)"))
  }

  private func file() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var writer = SafetensorsWriter(metadata: [
      "format": "staypos-model", "format_version": "1", "name": "random \(architecture.family)", "head": "positive",
      "threshold": "0.5",
      "architecture": String(decoding: try encoder.encode(architecture), as: UTF8.self),
      "preprocessing": String(decoding: try encoder.encode(preprocessing), as: UTF8.self),
    ])
    var random = SystemRandomNumberGenerator()
    for tensor in architecture.requiredTensors {
      let count = tensor.shape.reduce(1, *)
      try writer.add(tensor.name, shape: tensor.shape, floats: Self.values(tensor, count: count, using: &random))
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
