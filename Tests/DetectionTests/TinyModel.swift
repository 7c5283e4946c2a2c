import Checkpoints
import Foundation
import SystemPackage

@testable import Detection

/// A small model file, valid until a test changes something in it.
struct TinyModel {
  struct Tensor {
    var type = ElementType.float32
    var shape: [Int]
    var values: [Float]
  }

  static let resnet =
    #"{"family":"resnet","block":"basic","stem":{"kernel":3,"stride":2,"padding":1,"pool":null},"#
    + #""widths":[4,6],"depths":[1,1],"strides":[1,2]}"#
  static let lite =
    #"{"family":"efficientnet-lite","stem":{"kernel":3,"stride":2,"width":4},"blocks":[{"kernel":5,"stride":2,"expand":2,"#
    + #""width":6,"repeats":2}],"head":8,"minimum_size":32}"#

  var metadata: [String: String]
  var tensors: [String: Tensor] = [:]

  init(architecture: String = resnet, head: String = "positive") throws {
    metadata = [
      "format": "staypos-model", "format_version": "1", "name": "tiny", "head": head, "threshold": "0.25",
      "architecture": architecture, "preprocessing": #"{"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#,
      "card": #"{"licence":"CC0-1.0"}"#,
    ]
    let parsed = try JSONDecoder().decode(Architecture.self, from: Data(architecture.utf8))
    for tensor in parsed.requiredTensors {
      let count = tensor.shape.reduce(1, *)
      // Positive, neither equal nor symmetric; the sign of every third convolution weight turned.
      let values = (0..<count).map { index in
        let value = Float((index * 7 + 3) % 11 + 1) / 10
        return tensor.shape.count == 4 && index % 3 == 0 ? -value : value
      }
      tensors[tensor.name] = Tensor(shape: tensor.shape, values: values)
    }
  }

  /// A new file in the temporary directory.
  func write() throws -> FilePath {
    var writer = SafetensorsWriter(metadata: metadata)
    for (name, tensor) in tensors {
      if tensor.type == .float32 {
        try writer.add(name, shape: tensor.shape, floats: tensor.values)
      } else {
        let bytes = [UInt8](repeating: 0, count: tensor.values.count * tensor.type.size)
        try writer.add(name, type: tensor.type, shape: tensor.shape, bytes: bytes)
      }
    }
    let path = FilePath(FileManager.default.temporaryDirectory.path)
      .appending("staypos-model-\(UUID().uuidString).safetensors")
    try writer.write(to: path)
    return path
  }

  /// Writes it and hands it to `body`; the file is gone afterwards.
  func withFile<Result>(_ body: (FilePath) throws -> Result) throws -> Result {
    let path = try write()
    defer { try? FileManager.default.removeItem(atPath: path.string) }
    return try body(path)
  }
}
