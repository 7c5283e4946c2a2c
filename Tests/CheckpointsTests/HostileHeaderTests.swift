import Checkpoints
import SystemPackage
import Testing

/// Files that lie. Each has to be refused, with an error that says what is wrong.
@Suite struct HostileHeaderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var header: String
    var data = 0
    /// What the message has to name.
    var says: String
    var tensor: String?
    var code = CheckpointError.Code.malformed
    var testDescription: String { String(header.prefix(80)) }
  }

  static func tensor(_ fields: String) -> String { #"{"t":{\#(fields)}}"# }

  static let cases: [Case] = [
    Case(header: "", says: "does not begin with {"),
    Case(header: "null", says: "does not begin with {"),
    Case(header: "[]", says: "does not begin with {"),
    Case(header: #" {"a":1}"#, says: "does not begin with {"),
    Case(header: "{", says: "one has to stand"),
    Case(header: #"{"a"}"#, says: "no :"),
    Case(header: #"{"a":1}"#, says: "no {", tensor: "a"),
    Case(header: "{}x", says: "after the object"),
    Case(header: "{},", says: "after the object"),
    Case(header: "{}\0", says: "after the object"),
    Case(header: "{\"a", says: "without an end"),
    Case(header: "{\"a\u{1}\":{}}", says: "control character"),
    Case(header: #"{"\x":{}}"#, says: "unknown escape"),
    Case(header: #"{"\ud800":{}}"#, says: "surrogate"),
    Case(header: #"{"\udc00":{}}"#, says: "surrogate"),
    Case(header: #"{"\u12"#, says: "hexadecimal"),
    Case(header: #"{"\u+123":{}}"#, says: "hexadecimal"),
    Case(header: #"{"__metadata__":{"a":1}}"#, says: "not a string"),
    Case(header: #"{"__metadata__":{"a":null}}"#, says: "not a string"),
    Case(header: #"{"__metadata__":[]}"#, says: "no {"),
    Case(header: #"{"__metadata__":{"a":"1","a":"2"}}"#, says: #"two values for "a""#),
    Case(header: #"{"__metadata__":{"a":"1","\u0061":"2"}}"#, says: #"two values for "a""#),
    Case(header: #"{"__metadata__":{},"__metadata__":{}}"#, says: "two entries"),
    Case(header: #"{"__metadata__":{"a":"1",}}"#, says: "one has to stand"),
    Case(header: tensor(""), says: "no dtype", tensor: "t"),
    Case(header: tensor(#""dtype":"F32""#), says: "no shape", tensor: "t"),
    Case(header: tensor(#""dtype":"F32","shape":[]"#), says: "no data_offsets", tensor: "t"),
    Case(header: tensor(#""dtype":"F32","dtype":"F16""#), says: "two values for dtype", tensor: "t"),
    Case(header: tensor(#""dtype":"F32","extra":1"#), says: "unknown key", tensor: "t"),
    Case(header: tensor(#""dtype":7"#), says: "no \"", tensor: "t"),
    Case(header: entry("Q4", "[1]", "[0,4]"), data: 4, says: #"unknown type "Q4""#, tensor: "t"),
    Case(header: entry("f32", "[1]", "[0,4]"), data: 4, says: "unknown type", tensor: "t"),
    Case(header: entry("F32", "[-1]", "[0,4]"), data: 4, says: "negative", tensor: "t"),
    Case(header: entry("F32", "[1.0]", "[0,4]"), data: 4, says: "not whole", tensor: "t"),
    Case(header: entry("F32", "[1e0]", "[0,4]"), data: 4, says: "not whole", tensor: "t"),
    Case(header: entry("F32", "[01]", "[0,4]"), data: 4, says: "leading zeros", tensor: "t"),
    Case(header: entry("F32", "[null]", "[0,4]"), data: 4, says: "no number", tensor: "t"),
    Case(header: entry("F32", "[9223372036854775808]", "[0,4]"), data: 4, says: "64 bits", tensor: "t"),
    Case(header: entry("F32", "[99999999999999999999999]", "[0,4]"), data: 4, says: "64 bits", tensor: "t"),
    Case(header: entry("F32", "[4611686018427387904,4]", "[0,4]"), data: 4, says: "larger than any", tensor: "t"),
    // 2³² × 2³² × 4 is 0 in 64 bits.
    Case(header: entry("F32", "[4294967296,4294967296]", "[0,0]"), says: "larger than any", tensor: "t"),
    Case(header: entry("F32", "[1]", "[4,0]"), data: 4, says: "backwards", tensor: "t"),
    Case(header: entry("F32", "[1]", "[0]"), data: 4, says: "instead of 2", tensor: "t"),
    Case(header: entry("F32", "[1]", "[0,4,8]"), data: 8, says: "instead of 2", tensor: "t"),
    Case(header: entry("F32", "[1]", "[0,3]"), data: 3, says: "takes 4 bytes", tensor: "t"),
    Case(header: entry("F32", "[2]", "[0,8]"), data: 4, says: "beyond", tensor: "t", code: .truncated),
    Case(
      header: entry("F32", "[1]", "[9223372036854775804,9223372036854775807]"), data: 4, says: "beyond", tensor: "t",
      code: .truncated),
    Case(header: entry("F32", "[1]", "[4,8]"), data: 8, says: "belong to no tensor", tensor: "t"),
    Case(header: entry("F32", "[1]", "[0,4]"), data: 5, says: "last 1 bytes"),
    Case(header: "{}", data: 1, says: "last 1 bytes"),
    Case(header: pair("a", "[0,4]", "a", "[4,8]"), data: 8, says: "two entries", tensor: "a"),
    Case(header: pair("a", "[0,4]", "b", "[0,4]"), data: 4, says: #"overlaps tensor "a""#, tensor: "b"),
    Case(header: pair("a", "[0,4]", "b", "[2,6]"), data: 6, says: #"overlaps tensor "a""#, tensor: "b"),
    Case(header: pair("a", "[0,4]", "b", "[6,10]"), data: 10, says: "2 bytes before it", tensor: "b"),
  ]

  static func entry(_ type: String, _ shape: String, _ offsets: String) -> String {
    tensor(#""dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)"#)
  }

  static func pair(_ first: String, _ one: String, _ second: String, _ two: String) -> String {
    let fields = #""dtype":"F32","shape":[1],"data_offsets""#
    return #"{"\#(first)":{\#(fields):\#(one)},"\#(second)":{\#(fields):\#(two)}}"#
  }

  @Test(arguments: cases) func isRefused(_ hostile: Case) throws {
    let error = #expect(throws: CheckpointError.self) {
      try safetensors(header: hostile.header, data: hostile.data)
    }
    #expect(error?.code == hostile.code)
    #expect(error?.message.contains(hostile.says) == true, "\(String(describing: error))")
    #expect(error?.tensor == hostile.tensor)
  }

  @Test(arguments: [[], [1], Array(repeating: 0xFF, count: 7)] as [[UInt8]])
  func isRefusedWhenShorterThanALength(_ bytes: [UInt8]) throws {
    let error = #expect(throws: CheckpointError.self) { try safetensors(bytes) }
    #expect(error?.code == .truncated)
  }

  @Test func lyingHeaderLengthsAreRefused() throws {
    let lengths: [(UInt64, CheckpointError.Code)] = [
      (3, .truncated), (100_000_000, .truncated), (100_000_001, .malformed), (.max, .malformed), (1 << 63, .malformed),
      (UInt64.max - 7, .malformed),
    ]
    for (length, code) in lengths {
      let error = #expect(throws: CheckpointError.self) { try safetensors(words([length]) + Array("{}".utf8)) }
      #expect(error?.code == code, "\(length)")
    }
  }

  /// Names come from the file: an error must not hand escape sequences to a terminal.
  @Test func errorsEscapeAndShortenNames() throws {
    let name = "\u{1B}[31m\n" + String(repeating: "x", count: 5000)
    let error = CheckpointError(.malformed, "is wrong", file: "/tmp/a\u{7}b", tensor: name)
    #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
    #expect(error.description.count < 200)
  }

  /// A parser that recursed on nesting would end here.
  @Test func depthCostsNothing() throws {
    let deep = #"{"a":"# + String(repeating: "[", count: 1_000_000)
    #expect(throws: CheckpointError.self) { try safetensors(header: deep) }
  }
}
