import Foundation
import StayposCore
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

  @Test("the largest headers are refused")
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

  @Test("a PNG of 50,000 × 50,000 pixels", .enabled(if: Pillow.isAvailable, "needs python3 to write it"))
  func oneColor() async throws {
    let directory = try TemporaryDirectory()
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
      #expect(try peakMemory() - before < 4_000_000)
      // Row by row it does not need the image's size either.
      let limits = ImageLimits(pixels: 2_500_000_000, memory: 1_000_000)
      var reader = try ImageReader(descriptor: file.fileDescriptor, limits: limits)
      var band = [UInt8](repeating: 1, count: 16 * reader.rowByteCount)
      for _ in 0..<20 {
        var span = band.mutableSpan
        #expect(try reader.read(rows: 16, into: &span) == 16)
        #expect(band.allSatisfy { $0 == 0 })
      }
      #expect(try peakMemory() - before < 12_000_000)
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
