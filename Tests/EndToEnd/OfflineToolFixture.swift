import Checkpoints
import Foundation
import Glibc
import ImageDecoding
import StayposCore
import SystemPackage

/// A directory with a model and room for images; gone with the fixture.
final class OfflineToolFixture {
  let directory: FilePath
  /// A tiny ResNet with random weights. Its logit is between 0 and 10, so that `threshold` decides.
  let model: FilePath

  init(head: String = "positive") throws {
    var template = Array("/tmp/staypos-offline.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    directory = FilePath(platformString: template)
    model = directory.appending("tiny.safetensors")
    try Self.tinyModel(head: head).write(to: model)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: directory.string)
  }

  /// One stage of one basic block, four channels.
  /// - Parameter headWeight: of every feature; below zero it is no positive head.
  static func tinyModel(headWeight: Float = 0.5, head: String = "positive") throws -> SafetensorsWriter {
    var writer = SafetensorsWriter(metadata: [
      "format": "staypos-model", "format_version": "1", "name": "tiny", "head": head, "threshold": "0.5",
      "architecture":
        #"{"family":"resnet","block":"basic","stem":{"kernel":3,"stride":2,"padding":1,"pool":null},"#
        + #""widths":[4],"depths":[1],"strides":[1]}"#,
      "preprocessing": #"{"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#,
      "card": #"{"licence":"none"}"#,
    ])
    for (name, shape) in [
      ("conv1", [4, 3, 3, 3]), ("layer1.0.conv1", [4, 4, 3, 3]), ("layer1.0.conv2", [4, 4, 3, 3]),
    ] {
      let count = shape.reduce(1, *)
      let values = (0..<count).map { (index: Int) -> Float in Float((index * 37 + 11) % 19) / 60 - 0.1 }
      try writer.add("\(name).weight", shape: shape, floats: values)
      let normalization = name.replacing("conv", with: "bn")
      for (suffix, value) in [("weight", 1), ("bias", 0.1), ("running_mean", 0), ("running_var", 1)]
        as [(String, Float)]
      {
        try writer.add("\(normalization).\(suffix)", shape: [4], floats: Array(repeating: value, count: 4))
      }
    }
    try writer.add("fc.weight", shape: [1, 4], floats: Array(repeating: headWeight, count: 4))
    try writer.add("fc.bias", shape: [1], floats: [-0.25])
    return writer
  }

  /// A colourful PNG.
  static func png(width: Int, height: Int) throws -> [UInt8] {
    let pixels = (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 &* $0 / 7) }
    return try PNGEncoder.encode(RGBImage(size: ImageSize(width: width, height: height), pixels: pixels))
  }

  @discardableResult
  func write(_ bytes: [UInt8], named name: [UInt8]) throws -> FilePath {
    let path = FilePath(bytes: directory.bytes + Array("/".utf8) + name) ?? directory
    let file = try FileDescriptor.open(path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    try file.closeAfter { _ = try file.writeAll(bytes) }
    return path
  }

  @discardableResult
  func write(_ bytes: [UInt8], named name: String) throws -> FilePath {
    try write(bytes, named: Array(name.utf8))
  }
}
