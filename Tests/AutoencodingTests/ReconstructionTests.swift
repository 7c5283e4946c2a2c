import Autoencoding
import Foundation
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

/// Against PyTorch, which runs the same checkpoints.
@Suite struct ReconstructionTests {
  private static let python = "/usr/bin/python3"
  private static let torch = run(["-c", "import torch"]) == 0
  /// A published autoencoder, beside the repository.
  private static let published = ["encoder", "decoder"].map {
    URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../../shared/data/autoencoders/taef2_\($0).pth"
    )
    .standardizedFileURL.path
  }

  private static func run(_ arguments: [String]) -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return -1 }
    process.waitUntilExit()
    return process.terminationStatus
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var (width, height, latent, pooled): (Int, Int, Int, Bool)
    var testDescription: String { "\(width)×\(height), \(latent) latent channels\(pooled ? ", pooled branches" : "")" }
  }

  @Test(
    "An image comes through the autoencoder as in PyTorch", .enabled(if: torch, "needs Debian's python3-torch"),
    arguments: [
      Case(width: 64, height: 48, latent: 4, pooled: false), Case(width: 41, height: 70, latent: 16, pooled: true),
      Case(width: 1, height: 1, latent: 32, pooled: true),
    ])
  func random(_ example: Case) throws {
    let directory = TemporaryDirectory()
    try compare(
      example, in: directory, encoder: directory.path("encoder.pth"), decoder: directory.path("decoder.pth"), files: [])
  }

  @Test(
    "A published autoencoder of FLUX.2's latents gives what PyTorch makes of it",
    .enabled(
      if: torch && published.allSatisfy(FileManager.default.fileExists),
      "needs python3-torch and ../shared/data/autoencoders"))
  func publishedAutoencoder() throws {
    let directory = TemporaryDirectory()
    try compare(
      Case(width: 117, height: 90, latent: 32, pooled: true), in: directory, encoder: FilePath(Self.published[0]),
      decoder: FilePath(Self.published[1]), files: Self.published)
  }

  private func compare(
    _ example: Case, in directory: TemporaryDirectory, encoder: FilePath, decoder: FilePath, files: [String]
  ) throws {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../Support/autoencoder_reference.py")
    let numbers = [Int.random(in: 0..<1000), example.width, example.height, example.latent, example.pooled ? 1 : 0]
    try #require(Self.run([script.path, directory.path.string] + numbers.map { "\($0)" } + files) == 0)
    let pixels = [UInt8](try Data(contentsOf: directory.url.appending(path: "image.rgb")))
    let expected = try Data(contentsOf: directory.url.appending(path: "reconstruction.f32")).withUnsafeBytes {
      Array($0.bindMemory(to: Float.self))
    }
    let image = RGBImage(size: ImageSize(width: example.width, height: example.height), pixels: pixels)
    let autoencoder = try LatentAutoencoder(encoder: encoder, decoder: decoder)
    var generator = SplitMix64(seed: 0)
    let result = try autoencoder.reconstruct(image, using: &generator)
    #expect(result.size == image.size)
    // Half a level of rounding, and what the order of sums makes.
    let worst = zip(result.pixels, expected).map { abs(Float($0) - $1) }.max() ?? 0
    #expect(worst < 0.52, "seed \(numbers[0]): \(worst) levels")

    let noisy = try autoencoder.reconstruct(image, noise: 0.5, using: &generator)
    // A single pixel may be black either way.
    #expect(noisy != result || example.width == 1)
    #expect(try autoencoder.reconstruct(image, using: &generator) == result)
  }

  @Test("Each half says what is wrong with it", .enabled(if: torch, "needs Debian's python3-torch"))
  func wrongHalves() throws {
    let directory = TemporaryDirectory()
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../Support/autoencoder_reference.py")
    try #require(Self.run([script.path, directory.path.string, "1", "8", "8", "4", "0"]) == 0)
    let (encoder, decoder) = (directory.path("encoder.pth"), directory.path("decoder.pth"))
    #expect { try LatentAutoencoder(encoder: decoder, decoder: decoder) } throws: {
      "\($0)".contains("cannot tell what layer 0 is")
    }
    #expect { try LatentAutoencoder(encoder: encoder, decoder: encoder) } throws: { "\($0)".contains("layer") }
    #expect { try LatentAutoencoder(encoder: directory.path("none"), decoder: decoder) } throws: {
      "\($0)".contains("none")
    }
  }
}
