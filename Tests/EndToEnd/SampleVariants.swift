import Foundation
import ImageDecoding
import StayposCore

/// Sample images with the same pixels and other bytes, so that each has a digest of its own and a known verdict.
enum SampleVariants {
  static let flagged = ["generated/face.png", "generated/broccoli-1.jpg", "generated/broccoli-2.jpg"]
  static let clear = ["real/cat.png", "real/coins.png", "real/rocket.jpg"]

  /// The sample with a comment (a `tEXt` chunk, or a COM segment).
  static func variant(of sample: String, _ comment: String) throws -> Data {
    var bytes = try RunningDaemon.sample(sample)
    if sample.hasSuffix(".png") {
      // IEND is the last chunk: 12 bytes.
      bytes.insert(contentsOf: chunk("tEXt", Data("Comment\0\(comment)".utf8)), at: bytes.endIndex - 12)
    } else {
      let length = comment.utf8.count + 2
      bytes.insert(contentsOf: [0xFF, 0xFE, UInt8(length >> 8), UInt8(length & 0xFF)] + comment.utf8, at: 2)
    }
    return bytes
  }

  /// One colour as a PNG: takes time in proportion to its pixels.
  static func plain(width: Int, height: Int) throws -> Data {
    let pixels = [UInt8](repeating: 0x80, count: width * height * 3)
    return Data(try PNGEncoder.encode(RGBImage(size: ImageSize(width: width, height: height), pixels: pixels)))
  }

  /// Takes a scorer some tenths of a second.
  static func slow(_ comment: String) throws -> Data {
    var bytes = try plain(width: 1500, height: 1200)
    bytes.insert(
      contentsOf: chunk("tEXt", Data("Comment\0\(comment)".utf8)), at: bytes.endIndex - 12)
    return bytes
  }

  /// A PNG chunk: length, type, data and checksum.
  static func chunk(_ type: String, _ data: Data) -> Data {
    let body = Data(type.utf8) + data
    return bigEndian(UInt32(data.count)) + body + bigEndian(checksum(body))
  }

  private static func bigEndian(_ value: UInt32) -> Data {
    withUnsafeBytes(of: value.bigEndian) { Data($0) }
  }

  /// CRC-32 of the PNG specification, annex D.
  private static func checksum(_ data: Data) -> UInt32 {
    var crc = ~UInt32(0)
    for byte in data {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = (crc >> 1) ^ (crc & 1 == 0 ? 0 : 0xEDB8_8320) }
    }
    return ~crc
  }
}
