import StayposCore
import SystemPackage
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

/// SplitMix64: the same seed gives the same test.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
