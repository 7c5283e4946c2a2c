import Autoencoding
import Checkpoints
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

/// Files that say one thing in one layer and another in the next.
@Suite struct HostileAutoencoderTests {
  private let directory = TemporaryDirectory()

  private static let encoder: [String: [Int]] = [
    "0.weight": [8, 3, 3, 3], "0.bias": [8],
    "1.conv.0.weight": [8, 8, 3, 3], "1.conv.2.weight": [8, 8, 3, 3], "1.conv.4.weight": [8, 8, 3, 3],
    "2.weight": [8, 8, 3, 3], "3.weight": [4, 8, 3, 3], "3.bias": [4],
  ]
  private static let decoder: [String: [Int]] = [
    "1.weight": [8, 4, 3, 3], "1.bias": [8],
    "3.conv.0.weight": [16, 8, 3, 3], "3.conv.2.weight": [16, 16, 1, 1], "3.conv.4.weight": [12, 16, 3, 3],
    "3.skip.weight": [12, 8, 1, 1], "3.pool.0.weight": [20, 8, 1, 1], "3.pool.1.weight": [20], "3.pool.1.bias": [20],
    "3.pool.3.weight": [8, 20, 1, 1], "5.weight": [8, 12, 3, 3], "6.weight": [3, 8, 3, 3], "6.bias": [3],
  ]

  private func reconstruct(_ encoder: [String: [Int]], _ decoder: [String: [Int]]) throws -> RGBImage {
    let paths = try [encoder, decoder].enumerated().map { index, tensors in
      var writer = SafetensorsWriter()
      for (name, shape) in tensors {
        let values = Array(repeating: Float(0.01), count: shape.reduce(1, *))
        try writer.add(name, shape: shape, floats: values)
      }
      let path = directory.path("\(index).safetensors")
      try writer.write(to: path)
      return path
    }
    let autoencoder = try LatentAutoencoder(encoder: paths[0], decoder: paths[1])
    var generator = SplitMix64(seed: 0)
    let image = RGBImage(size: ImageSize(width: 5, height: 3), pixels: Array(repeating: 100, count: 45))
    return try autoencoder.reconstruct(image, using: &generator)
  }

  @Test func whatFitsIsRun() throws {
    #expect(try reconstruct(Self.encoder, Self.decoder).pixels.count == 45)
  }

  @Test(
    arguments: [
      ("3.conv.0.weight", [16, 4, 3, 3]), ("3.conv.2.weight", [16, 8, 3, 3]), ("3.conv.4.weight", [12, 8, 3, 3]),
      ("3.conv.4.weight", [4, 16, 3, 3]), ("3.skip.weight", [12, 4, 1, 1]), ("3.skip.weight", [8, 8, 1, 1]),
      ("3.skip.weight", nil), ("3.pool.0.weight", [20, 4, 1, 1]), ("3.pool.0.weight", [16, 8, 1, 1]),
      ("3.pool.1.weight", [18]), ("3.pool.3.weight", [4, 20, 1, 1]), ("3.pool.3.weight", [8, 12, 1, 1]),
      ("3.pool.3.weight", nil), ("1.weight", [8, 4, 5, 5]), ("1.weight", [8, 4]), ("1.bias", [4]), ("1.bias", []),
      ("6.weight", [4, 8, 3, 3]), ("5.weight", nil), ("999.weight", [3, 3, 1, 1]), ("1000000000000.weight", [1]),
      ("-5.weight", [1]), ("layer.weight", [1]),
    ] as [(String, [Int]?)])
  func whatDoesNotFitIsRefused(name: String, shape: [Int]?) {
    var decoder = Self.decoder
    decoder[name] = shape
    if name == "-5.weight" { decoder = [name: [1]] }
    #expect(throws: AutoencoderError.self) { _ = try reconstruct(Self.encoder, decoder) }
  }

  /// 2^70 pixels for one of the latent.
  @Test func sizesDoNotOverflow() {
    var encoder = Self.encoder
    encoder["3.weight"] = nil
    encoder["3.bias"] = nil
    for index in 3..<73 { encoder["\(index).weight"] = [8, 8, 1, 1] }
    encoder["73.weight"] = [4, 8, 3, 3]
    encoder["73.bias"] = [4]
    let error = #expect(throws: AutoencoderError.self) { _ = try reconstruct(encoder, Self.decoder) }
    #expect(error?.description.contains("reduces by more than") == true)
  }
}
