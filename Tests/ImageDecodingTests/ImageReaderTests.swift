import Foundation
import StayposCore
import TestSupport
import Testing

@testable import ImageDecoding

struct ImageReaderTests {
  private func failure(_ bytes: [UInt8], limits: ImageLimits = ImageLimits()) -> DecodingFailure? {
    do {
      _ = try RGBImage.decode(bytes: bytes, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  @Test("format and size come from the header", arguments: SmallImage.all)
  func header(small: SmallImage) throws {
    let reader = try ImageReader(bytes: small.bytes, limits: ImageLimits())
    #expect(reader.size == small.size)
    #expect(reader.format == (small.bytes[0] == 0x89 ? .png : .jpeg))
    #expect(reader.position == 0)
  }

  @Test("the rows are the same, however many are read at a time", arguments: SmallImage.all)
  func bands(small: SmallImage) throws {
    let whole = try RGBImage.decode(bytes: small.bytes, limits: ImageLimits())
    for rows in [1, 2, 3, 5, 1000] {
      var reader = try ImageReader(bytes: small.bytes, limits: ImageLimits())
      var pixels: [UInt8] = []
      var band = [UInt8](repeating: 0xAA, count: min(rows, reader.size.height) * reader.rowByteCount)
      while true {
        var span = band.mutableSpan
        let count = try reader.read(rows: rows, into: &span)
        if count == 0 { break }
        pixels += band[..<(count * reader.rowByteCount)]
        #expect(pixels.count == reader.position * reader.rowByteCount)
      }
      #expect(reader.position == small.size.height)
      #expect(pixels == whole.pixels)
    }
  }

  @Test("a descriptor is read from its first byte and keeps its position", arguments: SmallImage.all)
  func descriptor(small: SmallImage) throws {
    let directory = TemporaryDirectory()
    let url = directory.url.appending(component: "misnamed.txt")
    try Data(small.bytes).write(to: url)
    let file = try FileHandle(forReadingFrom: url)
    try file.seek(toOffset: 3)
    let image = try RGBImage.decode(descriptor: file.fileDescriptor, limits: ImageLimits())
    #expect(try file.offset() == 3)
    #expect(image == (try RGBImage.decode(bytes: small.bytes, limits: ImageLimits())))
  }

  @Test("what cannot be read says so", arguments: ["/dev/zero", "/"])
  func notAFile(path: String) throws {
    let descriptor = open(path, O_RDONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    #expect(throws: DecodingFailure(reason: .ioError, detail: "not a regular file")) {
      try RGBImage.decode(descriptor: descriptor, limits: ImageLimits())
    }
    let error = #expect(throws: DecodingFailure.self) { try RGBImage.decode(descriptor: -1, limits: ImageLimits()) }
    #expect(error?.reason == .ioError)
  }

  @Test(
    "other formats are named",
    arguments: [
      ("GIF89a\u{1}", "GIF, neither PNG nor JPEG"), ("RIFF\u{1}\u{1}\u{1}\u{1}WEBPVP8 ", "WebP, neither PNG nor JPEG"),
      ("II*\0\u{8}", "TIFF, neither PNG nor JPEG"), ("\0\0\0\u{1C}ftypavif", "AVIF, neither PNG nor JPEG"),
      ("BM\u{1}", "BMP, neither PNG nor JPEG"), ("hello", "neither PNG nor JPEG"), ("h", "neither PNG nor JPEG"),
    ])
  func unsupported(text: String, detail: String) {
    #expect(failure(Array(text.utf8)) == DecodingFailure(reason: .unsupportedFormat, detail: detail))
  }

  @Test("no bytes are an empty file")
  func empty() throws {
    #expect(failure([])?.reason == .empty)
    let directory = TemporaryDirectory()
    let url = directory.url.appending(component: "empty.png")
    try Data().write(to: url)
    let file = try FileHandle(forReadingFrom: url)
    let error = #expect(throws: DecodingFailure.self) {
      try RGBImage.decode(descriptor: file.fileDescriptor, limits: ImageLimits())
    }
    #expect(error?.reason == .empty)
  }

  @Test("a reader that has failed goes on failing")
  func sticky() throws {
    var bytes = SmallImage.restarts.bytes
    bytes.removeLast(60)
    var reader = try ImageReader(bytes: bytes, limits: ImageLimits())
    var row = [UInt8](repeating: 0, count: reader.rowByteCount)
    var errors: [DecodingFailure] = []
    while errors.count < 3 {
      do {
        var span = row.mutableSpan
        _ = try reader.read(rows: 1, into: &span)
        #expect(errors.isEmpty)
      } catch {
        errors.append(error)
      }
    }
    #expect(errors == Array(repeating: DecodingFailure(reason: .truncated, detail: "the JPEG ends early"), count: 3))
    #expect(reader.position > 0)
  }
}
