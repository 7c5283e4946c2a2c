import Checkpoints
import Detection
import Foundation
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport

/// What trains in a second: a small network, and pictures that it can tell apart.
enum TinyTraining {
  /// - Parameters:
  ///   - widths: of the two stages.
  ///   - blocks: of the second stage.
  static func architecture(widths: [Int] = [8, 12], blocks: Int = 1) -> String {
    #"""
    {"family":"resnet","block":"basic","stem":{"kernel":3,"stride":2,"padding":1,"pool":null},"widths":\#(widths),\#
    "depths":[1,\#(blocks)],"strides":[1,2]}
    """#
  }

  static func makeModel(
    in directory: TemporaryDirectory, named name: String = "tiny.safetensors", _ architecture: String = architecture()
  ) throws -> FilePath {
    let parsed = try JSONDecoder().decode(Architecture.self, from: Data(architecture.utf8))
    var writer = SafetensorsWriter(metadata: [
      "format": "staypos-model", "format_version": "1", "name": "tiny", "head": "linear", "threshold": "0.5",
      "architecture": architecture, "preprocessing": #"{"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#,
      "card": #"{"licence":"CC0-1.0"}"#,
    ])
    var random = SeededGenerator(seed: 2)
    for tensor in parsed.requiredTensors {
      let count = tensor.shape.reduce(1, *)
      let fan = Float(tensor.shape.dropFirst().reduce(1, *))
      let values = (0..<count).map { _ -> Float in
        switch tensor.shape.count {
        case 4: Float.random(in: -1...1, using: &random) * (6 / fan).squareRoot()
        case 1: tensor.name.hasSuffix("weight") || tensor.name.hasSuffix("var") ? 1 : 0
        default: 0
        }
      }
      try writer.add(tensor.name, shape: tensor.shape, floats: values)
    }
    let path = directory.path(name)
    try writer.write(to: path)
    return path
  }

  /// Pairs: a smooth picture, and the same with a faint chessboard on it.
  static func makeDataset(in directory: TemporaryDirectory, _ count: Int) throws {
    var random = SeededGenerator(seed: 8)
    for part in ["train", "val"] {
      for (label, amplitude) in [("real", 0), ("fake", 24)] {
        try FileManager.default.createDirectory(
          at: directory.url.appending(path: "data/\(part)/\(label)"), withIntermediateDirectories: true)
        for index in 0..<count {
          let base = Int.random(in: 40..<160, using: &random)
          let pixels = (0..<40 * 40 * 3).map { offset in
            let (x, y) = (offset / 3 % 40, offset / 120)
            return UInt8(base + x + y / 2 + ((x + y) % 2 == 0 ? amplitude : 0))
          }
          let image = RGBImage(size: ImageSize(width: 40, height: 40), pixels: pixels)
          try Data(PNGEncoder.encode(image)).write(
            to: directory.url.appending(path: "data/\(part)/\(label)/\(index).png"))
        }
      }
    }
  }
}
