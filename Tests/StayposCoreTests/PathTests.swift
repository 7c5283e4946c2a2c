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

  @Test func refusesNUL() {
    #expect(FilePath(bytes: [47, 0, 65]) == nil)
  }
}
