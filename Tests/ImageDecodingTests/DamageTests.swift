import StayposCore
import TestSupport
import Testing

@testable import ImageDecoding

/// Damaged files: an image or a reason, at once and within the limits, whatever the bytes are.
struct DamageTests {
  private let limits = ImageLimits(bytes: 100_000, pixels: 1_000_000, memory: 16_000_000)

  @Test("every file that is cut short is truncated, unless only its end marker is missing", arguments: SmallImage.all)
  func prefixes(small: SmallImage) throws {
    let whole = try RGBImage.decode(bytes: small.bytes, limits: limits)
    var complete = 0
    for count in 1..<small.bytes.count {
      do {
        let image = try RGBImage.decode(bytes: Array(small.bytes[..<count]), limits: limits)
        #expect(image == whole, "\(count) bytes")
        complete += 1
      } catch {
        #expect(error.reason == .truncated, "\(count) bytes: \(error)")
      }
    }
    // The whole of IEND, or a JPEG's end marker and the padding of the last bits.
    #expect(complete <= 14)
  }

  @Test("random bytes are changed, added and removed", arguments: SmallImage.all)
  func flips(small: SmallImage) throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    var images = 0
    let clock = ContinuousClock()
    for round in 0..<400 {
      var bytes = small.bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = bytes.indices.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes.remove(at: index)
        case 1: bytes.insert(.random(in: 0...255, using: &random), at: index)
        case 2: bytes[index] = .random(in: 0...255, using: &random)
        default: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
      }
      let start = clock.now
      do {
        let image = try RGBImage.decode(bytes: bytes, limits: limits)
        #expect(image.size.width * image.size.height <= limits.pixels, "seed \(seed), round \(round)")
        images += 1
      } catch {
        #expect(!error.detail.isEmpty, "seed \(seed), round \(round)")
      }
      #expect(start.duration(to: clock.now) < .seconds(5), "seed \(seed), round \(round)")
    }
    #expect(images < 400, "seed \(seed): no damage was noticed")
  }

  @Test("a wrong check sum matters where it covers pixels")
  func checkSums() throws {
    let image = RGBImage(size: ImageSize(width: 2, height: 2), pixels: Array(0..<12))
    let bytes = try PNGEncoder.encode(image)
    let pixels = try #require(bytes.firstRange(of: Array("IDAT".utf8)))
    let end = try #require(bytes.firstRange(of: Array("IEND".utf8)))

    var damaged = bytes
    damaged[end.lowerBound - 5] ^= 1
    let error = #expect(throws: DecodingFailure.self) { try RGBImage.decode(bytes: damaged, limits: limits) }
    #expect(error == DecodingFailure(reason: .corrupt, detail: "libpng: IDAT: CRC error"))

    var annotated = bytes
    annotated.insert(contentsOf: [0, 0, 0, 3] + Array("tEXta\0b".utf8) + [1, 2, 3, 4], at: pixels.lowerBound - 4)
    #expect(try RGBImage.decode(bytes: annotated, limits: limits) == image)
    #expect(try RGBImage.decode(bytes: bytes + [1, 2, 3], limits: limits) == image)
  }

  @Test("Pitfall 36: a JPEG of very many scans is refused")
  func scans() throws {
    // The first scan of a progressive file, repeated; libjpeg itself would take any number.
    let bytes = SmallImage.progressive.bytes
    let starts = bytes.indices.dropLast().filter { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }
    try #require(starts.count > 2)
    func repeated(_ count: Int) -> [UInt8] {
      let scans = Array(repeating: bytes[starts[0]..<starts[1]], count: count - starts.count + 1)
      return Array(bytes[..<starts[0]]) + scans.joined() + bytes[starts[1]...]
    }
    let image = try RGBImage.decode(bytes: bytes, limits: limits)
    #expect(try RGBImage.decode(bytes: repeated(100), limits: limits) == image)
    let error = #expect(throws: DecodingFailure.self) { try RGBImage.decode(bytes: repeated(101), limits: limits) }
    #expect(error == DecodingFailure(reason: .tooLarge, detail: "the JPEG has more than 100 scans"))
  }
}
