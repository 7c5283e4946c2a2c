import Foundation
import StayposCore
import TestSupport
import Testing

@testable import ImageDecoding

struct PNGEncoderTests {
  private func noise(_ width: Int, _ height: Int) -> RGBImage {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    return RGBImage(
      size: ImageSize(width: width, height: height),
      pixels: (0..<(width * height * 3)).map { _ in .random(in: 0...255, using: &random) })
  }

  @Test("what is written is read again", arguments: [(1, 1), (1, 40), (40, 1), (300, 200)])
  func roundTrip(width: Int, height: Int) throws {
    let image = noise(width, height)
    let bytes = try PNGEncoder.encode(image)
    #expect(try ImageReader(bytes: bytes, limits: ImageLimits()).format == .png)
    #expect(try RGBImage.decode(bytes: bytes, limits: ImageLimits()) == image)
  }

  @Test("a descriptor gets the same bytes")
  func descriptor() throws {
    let image = noise(50, 60)
    let directory = TemporaryDirectory()
    let url = directory.url.appending(component: "map.png")
    #expect(FileManager.default.createFile(atPath: url.path, contents: nil))
    let file = try FileHandle(forWritingTo: url)
    try PNGEncoder.write(image, to: file.fileDescriptor)
    try file.close()
    #expect(try Array(Data(contentsOf: url)) == PNGEncoder.encode(image))
  }

  @Test("a failed write gives the system's words")
  func full() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect(throws: EncodingFailure(detail: "write: No space left on device")) {
      try PNGEncoder.write(noise(20, 20), to: descriptor)
    }
  }

  @Test("Pillow reads it", .enabled(if: Pillow.isAvailable, "needs python3-pil"))
  func pillow() throws {
    let image = noise(31, 22)
    let directory = TemporaryDirectory()
    let url = directory.url.appending(component: "ours.png")
    try Data(PNGEncoder.encode(image)).write(to: url)
    let sample = try #require(try Pillow.samples("decode", [url.path], in: directory.url).first)
    #expect(sample.size == image.size)
    #expect(sample.pixels == image.pixels)
  }
}
