import Checkpoints
import Foundation
import SystemPackage
import Testing

private let published = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
  .pushing("../shared/data/checkpoints")

/// Files that others have published. They are in ../shared, which is not part of the repository.
@Suite(
  .enabled(
    if: FileManager.default.fileExists(atPath: published.string), "skipped: no ../shared"))
struct PublishedCheckpointTests {
  @Test(
    arguments: [
      ("ufd_fc_weights.pth", .pytorchZip, 2, 769), ("tinyladeda_forensynth.pth", .pytorchZip, 21, 1_348),
      ("laion_l14.pth", .pytorchZip, 2, 769), ("laion_b32.pth", .pytorchZip, 2, 513),
      ("lpips_vgg_v00.pth", .pytorchLegacy, 5, 1_472), ("lpips_vgg_v01.pth", .pytorchLegacy, 5, 1_472),
      ("lpips_alex_v01.pth", .pytorchLegacy, 5, 1_152), ("rine_2class.pth", .pytorchZip, 23, 283_009),
      ("pidinet.pth", .pytorchZip, 83, 710_149), ("saliency_model.pt", .pytorchLegacy, 35, 111_233),
      ("taesana_encoder.pth", .pytorchZip, 69, 1_256_288), ("neutral.safetensors", .safetensors, 1, 59_136),
    ] as [(String, Checkpoint.Format, Int, Int)])
  func isReadWhole(_ name: String, _ format: Checkpoint.Format, _ tensors: Int, _ values: Int) throws {
    let checkpoint = try Checkpoint(path: published.appending(name))
    #expect(checkpoint.format == format)
    #expect(checkpoint.tensors.count == tensors)
    #expect(checkpoint.tensors.reduce(0) { $0 + $1.count } == values)
    // Checksums included.
    for tensor in checkpoint.tensors {
      #expect(try checkpoint.bytes(of: tensor).count == tensor.count * tensor.type.size)
      guard [.float16, .float32].contains(tensor.type) else { continue }
      #expect(try checkpoint.floats(of: tensor).allSatisfy(\.isFinite), "\(tensor.name)")
    }
  }

  /// Its numbers are in ../shared/data/README.md.
  @Test func theValuesAreRight() throws {
    let checkpoint = try Checkpoint(path: published.appending("ufd_fc_weights.pth"))
    let weight = try checkpoint.floats(of: #require(checkpoint.tensors.first { $0.name == "weight" }))
    let bias = try checkpoint.floats(of: #require(checkpoint.tensors.first { $0.name == "bias" }))
    #expect(weight.count == 768 && bias == [-0.5166999])
    #expect(weight.first == -0.31957924 && weight.last == 0.22728157)
    #expect(weight.count { $0 < 0 } == 398)
    let mean = weight.reduce(0.0) { $0 + Double($1) } / 768
    let length = weight.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(mean + 0.003421) < 1e-6 && abs(length - 6.200081) < 1e-6)
  }

  @Test func wrappersAndAttributesShow() throws {
    let checkpoint = try Checkpoint(path: published.appending("pidinet.pth"))
    #expect(checkpoint.attributes.contains { $0.name == "epoch" && $0.value == "19" })
    #expect(checkpoint.tensors.allSatisfy { $0.name.hasPrefix("state_dict.module.") })
  }
}
