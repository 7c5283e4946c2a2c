import Foundation
import ImageDecoding
import StayposCore
import SystemPackage
import TestSupport
import Testing

/// `staypos dataset …`, as a user calls it.
@Suite struct DatasetToolTests {
  private let directory = TemporaryDirectory()

  private func run(_ arguments: String...) async throws -> BuiltExecutables.Finished {
    try await BuiltExecutables.run("staypos", arguments)
  }

  /// A picture of its own for each number.
  private func write(_ name: String, number: Int, side: Int = 64) throws {
    var random = SplitMix64(seed: UInt64(number))
    let corners = (0..<81).map { _ in random.nextIndex(below: 256) }
    let pixels = (0..<3 * side * side).map { index in
      UInt8(corners[(index / 3 / side * 9 / side) * 9 + index / 3 % side * 9 / side])
    }
    let file = directory.url.appending(path: name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(PNGEncoder.encode(RGBImage(size: ImageSize(width: side, height: side), pixels: pixels))).write(to: file)
  }

  @Test("A data set is indexed, divided without leaks, and its spurious differences are found")
  func curation() async throws {
    for number in 0..<24 {
      try write("data/0_real/camera\(number / 2)/\(number).png", number: number)
      try write("data/1_fake/model\(number / 2)/\(number).png", number: 100 + number, side: 72)
    }
    // The same picture in another source, larger.
    try write("data/1_fake/model0/copy.png", number: 0, side: 128)
    try Data("no image".utf8).write(to: directory.url.appending(path: "data/0_real/camera0/notes.txt"))

    let index = directory.path("index.csv").string
    let indexed = try await run("dataset", "index", directory.path("data").string, "--output", index)
    #expect(indexed.exitCode == 0 && indexed.output.hasPrefix("49 images in "), "\(indexed)")
    #expect(indexed.errors.contains("notes.txt"))

    let split = directory.path("split.csv").string
    let divided = try await run(
      "dataset", "split", index, "--shares", "0.5", "0.25", "0.25", "--seed", "3", "--output", split)
    #expect(divided.exitCode == 0, "\(divided)")
    #expect(divided.output.contains("fake/model0, real/camera0"))
    var sides: [Substring: Set<Substring>] = [:]
    for line in try String(contentsOfFile: split, encoding: .utf8).split(separator: "\n").dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      sides[fields[2], default: []].insert(fields[4])
    }
    #expect(sides.count == 24 && sides.values.allSatisfy { $0.count == 1 })
    #expect(sides["camera0"] == sides["model0"])

    #expect(divided.output.contains(" sources") && !divided.output.contains("no named source"))

    let stats = try await run("dataset", "stats", "--json", split)
    #expect(stats.exitCode == 1, "\(stats)")
    let record = try #require(
      try JSONSerialization.jsonObject(with: Data(stats.output.utf8)) as? [String: Any])
    let properties = try #require(record["properties"] as? [[String: Any]])
    let pixels = try #require(properties.first { $0["name"] as? String == "pixels" })
    #expect(pixels["suspicious"] as? Bool == true)
    #expect(try #require(pixels["accuracy"] as? Double) > 0.999)
    #expect(record["duplicateGroups"] as? Int == 1)

    let text = try await run("dataset", "stats", directory.path("data").string)
    #expect(text.output.contains("fake if above 4096"), "\(text)")
  }

  @Test("Images that name no source are divided one by one, and the output says that they name none")
  func withoutSources() async throws {
    for number in 0..<8 {
      try write("data/0_real/\(number).png", number: number)
      try write("data/1_fake/\(8 + number).png", number: 100 + number)
    }
    let divided = try await run(
      "dataset", "split", directory.path("data").string, "--shares", "0.5", "0.25", "0.25", "--output",
      directory.path("split.csv").string)
    #expect(divided.output.contains("train 4 real of no named source, 4 fake of no named source"), "\(divided)")
  }

  private static let isTorchInstalled = FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/torch")

  @Test(
    "Aligned pairs have one size and format, and a stopped run goes on",
    .enabled(if: isTorchInstalled, "needs Debian's python3-torch"))
  func alignment() async throws {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../Support/autoencoder_reference.py")
    func makeAutoencoder(in directory: FilePath, seed: Int) throws {
      try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
      let python = Process()
      python.executableURL = URL(filePath: "/usr/bin/python3")
      python.arguments = [script.path, directory.string, "\(seed)", "8", "8", "4", "0"]
      try python.run()
      python.waitUntilExit()
      try #require(python.terminationStatus == 0)
    }
    try makeAutoencoder(in: directory.path, seed: 7)
    try write("photos/a/one.png", number: 1, side: 50)
    try write("photos/b/two.png", number: 2, side: 33)
    func align() async throws -> BuiltExecutables.Finished {
      try await run(
        "dataset", "align", directory.path("photos").string, "--encoder", directory.path("encoder.pth").string,
        "--decoder", directory.path("decoder.pth").string, "--output", directory.path("pairs").string)
    }
    let first = try await align()
    #expect(first.exitCode == 0 && first.output == "2 pairs made, 0 were there, 0 images left out\n", "\(first)")
    for (name, side) in [("a/one.png.png", 50), ("b/two.png.png", 33)] {
      let images = try ["0_real", "1_fake"].map {
        try RGBImage.decode(
          bytes: [UInt8](Data(contentsOf: directory.url.appending(path: "pairs/\($0)/\(name)"))), limits: ImageLimits())
      }
      #expect(images.allSatisfy { $0.size == ImageSize(width: side, height: side) })
      #expect(images[0] != images[1])
    }
    let pairs = try String(contentsOfFile: directory.path("pairs/pairs.csv").string, encoding: .utf8)
    #expect(pairs.split(separator: "\n").count == 3)

    // Half a pair is none.
    try FileManager.default.removeItem(atPath: directory.path("pairs/0_real/a/one.png.png").string)
    try Data("no image".utf8).write(to: directory.url.appending(path: "photos/b/broken.jpg"))
    let again = try await align()
    #expect(again.exitCode == 1 && again.output == "1 pairs made, 1 were there, 1 images left out\n", "\(again)")
    #expect(try String(contentsOfFile: directory.path("pairs/pairs.csv").string, encoding: .utf8) == pairs)

    // Pairs are no originals, and two originals of one name are not one.
    let inside = try await run(
      "dataset", "align", directory.path.string, "--encoder", directory.path("encoder.pth").string, "--decoder",
      directory.path("decoder.pth").string, "--output", directory.path("pairs").string)
    #expect(inside.output.hasPrefix("2 pairs made, 0 were there"), "\(inside)")
    let twice = try await run(
      "dataset", "align", directory.path("photos/a").string, directory.path("photos/a").string, "--encoder",
      directory.path("encoder.pth").string, "--decoder", directory.path("decoder.pth").string, "--output",
      directory.path("twice").string)
    #expect(twice.exitCode == 1 && twice.errors.contains("another image has the name"), "\(twice)")

    // Pairs of other settings are not mixed with these.
    let noisy = try await run(
      "dataset", "align", directory.path("photos").string, "--encoder", directory.path("encoder.pth").string,
      "--decoder", directory.path("decoder.pth").string, "--output", directory.path("pairs").string,
      "--latent-noise", "0.1")
    #expect(noisy.exitCode == 1 && noisy.errors.contains("were made with --latent-noise 0.0"), "\(noisy)")
    try makeAutoencoder(in: directory.path("seed8"), seed: 8)
    let other = try await run(
      "dataset", "align", directory.path("photos").string, "--encoder", directory.path("encoder.pth").string,
      "--decoder", directory.path("seed8/decoder.pth").string, "--output", directory.path("pairs").string)
    #expect(other.exitCode == 1 && other.errors.contains("another decoder"), "\(other)")
    try FileManager.default.removeItem(atPath: directory.path("pairs/alignment.json").string)
    let unknown = try await align()
    #expect(unknown.exitCode == 1 && unknown.errors.contains("no alignment.json"), "\(unknown)")

    let swapped = try await run(
      "dataset", "align", directory.path("photos").string, "--encoder", directory.path("decoder.pth").string,
      "--decoder", directory.path("encoder.pth").string, "--output", directory.path("other").string)
    #expect(swapped.exitCode == 1 && swapped.errors.contains("cannot tell what layer 0 is"), "\(swapped)")
  }
}
