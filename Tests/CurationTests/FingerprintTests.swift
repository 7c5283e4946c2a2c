import Curation
import Foundation
import Glibc
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

@Suite struct FingerprintTests {
  private static let samples = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Samples")
    .standardizedFileURL

  private func facts(_ path: FilePath) throws -> ImageFacts {
    try ImageFacts(examining: path, limits: ImageLimits())
  }

  private func run(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  @Test("A picture is recognised after resizing and compression; other pictures are not")
  func versions() throws {
    let files = try FileManager.default.subpathsOfDirectory(atPath: Self.samples.path)
      .filter { $0.hasSuffix(".jpg") || $0.hasSuffix(".png") }.sorted()
    try #require(files.count > 3)
    let directory = TemporaryDirectory()
    var prints: [ImageFingerprint] = []
    for (index, file) in files.enumerated() {
      let original = FilePath(Self.samples.appending(path: file).path)
      let print = try #require(try facts(original).fingerprint, "\(file)")
      let version = directory.path("\(index).jpg")
      try run(
        "/usr/bin/python3",
        [
          "-c",
          "import sys; from PIL import Image; i = Image.open(sys.argv[1]).convert('RGB'); "
            + "i.resize((i.width * 2 // 3, i.height * 2 // 3)).save(sys.argv[2], quality=60)",
          original.string, version.string,
        ])
      let changed = try facts(version)
      #expect(try #require(changed.fingerprint).distance(to: print) <= ImageFingerprint.nearDistance, "\(file)")
      #expect(changed.format == .jpeg && changed.quality == 60)
      prints.append(print)
    }
    for one in prints.indices {
      for other in prints.indices where other > one {
        #expect(
          prints[one].distance(to: prints[other]) > ImageFingerprint.nearDistance, "\(files[one]) and \(files[other])")
      }
    }
  }

  @Test(
    "A flat picture has no fingerprint", arguments: [ImageSize(width: 64, height: 64), ImageSize(width: 8, height: 90)])
  func flat(size: ImageSize) throws {
    let directory = TemporaryDirectory()
    let pixels = [UInt8](repeating: 77, count: 3 * size.width * size.height)
    let file = directory.path("flat.png")
    try Data(PNGEncoder.encode(RGBImage(size: size, pixels: pixels))).write(to: URL(filePath: file.string))
    let facts = try facts(file)
    #expect(facts.fingerprint == nil)
    #expect(facts.size == size && facts.format == .png && facts.quality == nil)
  }

  @Test("A fingerprint is written and read as 32 digits")
  func text() {
    let print = ImageFingerprint(across: 0x1, down: .max)
    #expect("\(print)" == "0000000000000001ffffffffffffffff")
    #expect(ImageFingerprint("\(print)") == print)
    #expect(ImageFingerprint("xyz") == nil)
  }

  @Test("Qualities from 1 to 100 are told from libjpeg's tables", arguments: [1, 5, 30, 49, 50, 75, 90, 95, 100])
  func quality(_ quality: Int) throws {
    let directory = TemporaryDirectory()
    let file = directory.path("image.jpg")
    try run(
      "/usr/bin/python3",
      [
        "-c",
        "import sys; from PIL import Image; Image.effect_noise((32, 24), 60).save(sys.argv[1], quality=int(sys.argv[2]))",
        file.string, "\(quality)",
      ])
    #expect(try facts(file).quality == quality)
  }

  @Test("Damaged headers have no quality")
  func damagedTables() {
    for bytes: [UInt8] in [
      [], [0xFF], [0xFF, 0xD8], [0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0], [0xFF, 0xD8, 0xFF, 0xDB, 0, 1],
      [0xFF, 0xD8, 0xFF, 0xFF, 0xFF], [0xFF, 0xD8, 0xFF, 0xDA, 0, 4, 0, 0],
    ] {
      #expect(JPEGQuality.estimate(bytes[...]) == nil)
    }
  }
}
