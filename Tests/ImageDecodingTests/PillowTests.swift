import Foundation
import StayposCore
import TestSupport
import Testing

@testable import ImageDecoding

/// Every sample equals Pillow's, byte for byte. These need Debian's `python3-pil`, some `libjpeg-turbo-progs`.
@Suite(.enabled(if: Pillow.isAvailable, "needs python3-pil"))
struct PillowTests {
  private func compare(_ samples: [Pillow.Sample]) throws {
    for sample in samples {
      let file = try FileHandle(forReadingFrom: sample.file)
      defer { try? file.close() }
      do {
        let image = try RGBImage.decode(descriptor: file.fileDescriptor, limits: ImageLimits())
        #expect(image.size == sample.size, "\(sample.name)")
        // Not by #expect, which would print both.
        if image.pixels != sample.pixels { Issue.record("\(sample.name): the pixels differ") }
      } catch {
        Issue.record(error, "\(sample.name)")
      }
    }
  }

  @Test("PNG of every colour type, depth, filter and interlacing")
  func png() throws {
    let directory = TemporaryDirectory()
    let samples = try Pillow.samples("pngs", in: directory.url)
    #expect(samples.count == 159)
    try compare(samples)
  }

  @Test("JPEG: grey, YCbCr, RGB, CMYK and YCCK, baseline and progressive")
  func jpeg() throws {
    let directory = TemporaryDirectory()
    let samples = try Pillow.samples("jpegs", in: directory.url)
    #expect(samples.count == 90)
    try compare(samples)
  }

  @Test(
    "JPEG: arithmetic coding, restarts, one scan a component, unusual sampling",
    .enabled(if: Pillow.hasJPEGTools, "needs libjpeg-turbo-progs"))
  func moreJPEG() throws {
    let directory = TemporaryDirectory()
    let samples = try Pillow.samples("more-jpegs", in: directory.url)
    #expect(samples.count == 39)
    try compare(samples)
  }

  @Test("real photos and generated images", .enabled(if: SharedData.dev != nil, "needs ../shared/data/dev"))
  func realImages() throws {
    let directory = TemporaryDirectory()
    let all = SharedData.files(in: SharedData.dev).filter { $0.lowercased().hasSuffix("g") }
    let files = stride(from: 0, to: all.count, by: max(1, all.count / 40)).map { all[$0] }
    try #require(files.count >= 40)
    try compare(try Pillow.samples("decode", files, in: directory.url))
  }
}

/// Data beside the checkout that is not part of the repository.
enum SharedData {
  static let dev = folder("dev")
  static let hostile = folder("hostile")

  private static func folder(_ name: String) -> URL? {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let folder = root.appending(path: "../shared/data/\(name)").standardizedFileURL
    guard FileManager.default.fileExists(atPath: folder.path) else {
      print("../shared/data/\(name) is missing: the tests on its images are skipped")
      return nil
    }
    return folder
  }

  static func files(in folder: URL?) -> [String] {
    guard let folder, let names = FileManager.default.enumerator(atPath: folder.path) else { return [] }
    return names.compactMap { $0 as? String }.sorted().map { folder.path + "/" + $0 }.filter { path in
      var isDirectory: ObjCBool = false
      return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
    }
  }
}
