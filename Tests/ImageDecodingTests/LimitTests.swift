import Foundation
import StayposCore
import TestSupport
import Testing

@testable import ImageDecoding

/// Limits are compared with the header: nothing of the image's size is allocated before. Where memory is measured the
/// test runs in a process of its own.
struct LimitTests {
  private static func failure(_ bytes: [UInt8], _ limits: ImageLimits) -> DecodingFailure? {
    do {
      _ = try RGBImage.decode(bytes: bytes, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  /// A JPEG's header up to its first scan, as far as libjpeg looks before it allocates.
  private static func jpegHeader(width: Int, height: Int, progressive: Bool) throws -> [UInt8] {
    var bytes = (progressive ? SmallImage.progressive : SmallImage.baseline).bytes
    let frame = try #require(bytes.firstRange(of: [0xFF, progressive ? 0xC2 : 0xC0, 0, 17, 8])).lowerBound
    bytes.replaceSubrange(
      (frame + 5)..<(frame + 9),
      with: [UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)])
    return bytes
  }

  @Test("bytes", arguments: SmallImage.all)
  func bytes(small: SmallImage) {
    #expect(Self.failure(small.bytes, ImageLimits(bytes: small.bytes.count)) == nil)
    #expect(
      Self.failure(small.bytes, ImageLimits(bytes: small.bytes.count - 1))
        == DecodingFailure(
          reason: .tooLarge,
          detail: "\(small.bytes.count) bytes are more than the limit of \(small.bytes.count - 1)"))
  }

  @Test("pixels", arguments: SmallImage.all.filter { $0.name != "cmyk" })
  func pixels(small: SmallImage) {
    let count = small.size.width * small.size.height
    #expect(Self.failure(small.bytes, ImageLimits(pixels: count)) == nil)
    #expect(
      Self.failure(small.bytes, ImageLimits(pixels: count - 1))
        == DecodingFailure(
          reason: .tooLarge,
          detail: "\(small.size.width)×\(small.size.height) pixels are more than the limit of \(count - 1)"))
  }

  @Test("memory", arguments: SmallImage.all)
  func memory(small: SmallImage) {
    #expect(Self.failure(small.bytes, ImageLimits(memory: 100))?.reason == .tooLarge)
    #expect(Self.failure(small.bytes, ImageLimits(memory: 100_000)) == nil)
  }

  @Test("Pitfall 36: the largest headers are refused")
  func headers() throws {
    let huge = try Self.jpegHeader(width: 65535, height: 65535, progressive: false)
    #expect(Self.failure(huge, ImageLimits(pixels: .max, memory: .max))?.reason == .tooLarge)
    let large = try Self.jpegHeader(width: 65500, height: 65500, progressive: true)
    #expect(Self.failure(large, ImageLimits())?.reason == .tooLarge)
    // Within the pixels: the coefficients decide.
    let tall = try Self.jpegHeader(width: 10_000, height: 10_000, progressive: true)
    #expect(
      Self.failure(tall, ImageLimits(memory: 200_000_000))?.detail.hasPrefix("decoding needs 30") == true)
  }

  @Test("Pitfall 36: compressed metadata is not inflated")
  func metadata() async throws {
    await #expect(processExitsWith: .success) {
      // What zlib makes of 3 MB of zeros, as 200 texts and profiles.
      let zeros = try PNGEncoder.encode(
        RGBImage(size: ImageSize(width: 1000, height: 1000), pixels: Array(repeating: 0, count: 3_000_000)))
      let start = try #require(zeros.firstRange(of: Array("IDAT".utf8))).upperBound
      let end = try #require(zeros.firstRange(of: Array("IEND".utf8))).lowerBound - 8
      let image = RGBImage(size: ImageSize(width: 1, height: 1), pixels: [1, 2, 3])
      var bytes = try PNGEncoder.encode(image)
      let header = try #require(bytes.firstRange(of: Array("IDAT".utf8))).lowerBound - 4
      for name in Array(repeating: ["zTXt", "iCCP"], count: 100).joined() {
        let chunk = Array("\(name)x\0\0".utf8) + zeros[start..<end]
        let length = withUnsafeBytes(of: UInt32(chunk.count - 4).bigEndian) { Array($0) }
        bytes.insert(contentsOf: length + chunk + checkSum(chunk), at: header)
      }
      let before = try peakMemory()
      #expect(try RGBImage.decode(bytes: bytes, limits: ImageLimits()) == image)
      #expect(try peakMemory() - before < 16_000_000)
    }
  }

  @Test("Pitfall 36: a PNG of 50,000 × 50,000 pixels", .enabled(if: Pillow.isAvailable, "needs python3 to write it"))
  func oneColor() async throws {
    let directory = TemporaryDirectory()
    try Pillow.run(["-c", Pillow.script, "one-color", directory.url.path])
    let path = directory.url.appending(component: "one-color.png").path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let file = try #require(FileHandle(forReadingAtPath: path))
      let before = try peakMemory()
      let error = #expect(throws: DecodingFailure.self) {
        try RGBImage.decode(descriptor: file.fileDescriptor, limits: ImageLimits())
      }
      #expect(
        error
          == DecodingFailure(
            reason: .tooLarge, detail: "50000×50000 pixels are more than the limit of 100000000"))
      #expect(try peakMemory() - before < 16_000_000)
      // Row by row it does not need the image's size either.
      let limits = ImageLimits(pixels: 2_500_000_000, memory: 1_000_000)
      var reader = try ImageReader(descriptor: file.fileDescriptor, limits: limits)
      var band = [UInt8](repeating: 1, count: 16 * reader.rowByteCount)
      for _ in 0..<20 {
        var span = band.mutableSpan
        #expect(try reader.read(rows: 16, into: &span) == 16)
        #expect(band.allSatisfy { $0 == 0 })
      }
      #expect(try peakMemory() - before < 24_000_000)
    }
  }

  @Test(
    "hostile files give an image or a reason", .enabled(if: SharedData.hostile != nil, "needs ../shared/data/hostile"))
  func hostile() async throws {
    await #expect(processExitsWith: .success) {
      let before = try peakMemory()
      var images = 0
      var reasons: [NotScoredReason: Int] = [:]
      for path in SharedData.files(in: SharedData.hostile) {
        let file = try #require(FileHandle(forReadingAtPath: path))
        defer { try? file.close() }
        do throws(DecodingFailure) {
          _ = try RGBImage.decode(descriptor: file.fileDescriptor, limits: ImageLimits(pixels: 20_000_000))
          images += 1
        } catch {
          reasons[error.reason, default: 0] += 1
          #expect(!error.detail.isEmpty, "\(path)")
        }
      }
      #expect(images > 0)
      for reason in [NotScoredReason.empty, .unsupportedFormat, .corrupt, .truncated, .tooLarge] {
        #expect(reasons[reason, default: 0] > 0, "\(reason)")
      }
      #expect(try peakMemory() - before < 150_000_000)
    }
  }
}

/// Bytes: VmHWM in proc(5). Unlike getrusage(2) it says nothing of the process before exec.
func peakMemory() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
  return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1])) * 1024
}

/// A PNG chunk's CRC-32 over its name and data.
private func checkSum(_ bytes: [UInt8]) -> [UInt8] {
  var sum: UInt32 = .max
  for byte in bytes {
    sum ^= UInt32(byte)
    for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
  }
  return withUnsafeBytes(of: (~sum).bigEndian) { Array($0) }
}
