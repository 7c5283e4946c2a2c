import Foundation
import StayposCore
import SystemPackage
import TestSupport
import Testing

@Suite struct PathTests {
  @Test func bytesSurviveTheRoundTrip() throws {
    for seed in 0..<200 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let name = (0..<Int.random(in: 1...255, using: &generator)).map { _ in
        UInt8.random(in: 1...255, using: &generator)
      }.filter { $0 != UInt8(ascii: "/") }
      let bytes = Array("/uploads/x".utf8) + name
      let path = try #require(FilePath(bytes: bytes), "seed \(seed)")
      #expect(path.bytes == bytes, "seed \(seed)")
      let json = path.json
      #expect(FilePath(json: json.path, base64: json.pathBase64) == path, "seed \(seed)")
      #expect(path.escaped.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "seed \(seed)")
    }
  }

  @Test func escapesWhatATerminalWouldObey() throws {
    let path = try #require(FilePath(bytes: Array("/a\n\u{1B}[31m\\b\u{202E}ü".utf8) + [0xFF]))
    #expect(path.escaped == #"/a\x0a\x1b[31m\\b\xe2\x80\xaeü\xff"#)
    #expect(path.json.pathBase64 != nil)
  }

  /// C0, DEL, C1, and what hides, turns round or ends a line.
  @Test func jsonHoldsNothingThatATerminalWouldObey() throws {
    let unprintable =
      Array(0...0x1F) + [0x7F] + Array(0x80...0x9F) + [0xAD, 0x200B, 0x202E, 0x2028, 0x2029, 0xFEFF, 0xE0001]
    let text = unprintable.compactMap { UnicodeScalar($0) }.map { "a\($0)" }.joined() + "\\u009b/é\"🙂"
    #expect(UnicodeScalar(0x9B)?.isPrintable == false && UnicodeScalar("é").isPrintable)
    let plain = try JSONEncoder().encode([text: text])
    let safe = plain.printableJSON
    #expect(String(decoding: safe, as: UTF8.self).unicodeScalars.allSatisfy { $0.isPrintable })
    #expect(String(decoding: safe, as: UTF8.self).contains(#"a\u007fa\u0080"#))
    #expect(String(decoding: safe, as: UTF8.self).contains(#"a\udb40\udc01"#))
    #expect(String(decoding: safe, as: UTF8.self).contains("é"))
    let decoded = try JSONDecoder().decode([String: String].self, from: Data(safe))
    #expect(decoded.count == 1)
    #expect(decoded.first.map { Array($0.key.utf8) } == Array(text.utf8))
    #expect(decoded.first.map { Array($0.value.utf8) } == Array(text.utf8))
    let path = try #require(FilePath(bytes: Array(text.utf8.filter { $0 != 0 })))
    #expect(path.escaped.unicodeScalars.allSatisfy { $0.isPrintable })
    #expect(text.controlEscaped.unicodeScalars.allSatisfy { $0.isPrintable })
  }

  @Test func refusesNUL() {
    #expect(FilePath(bytes: [47, 0, 65]) == nil)
  }
}
