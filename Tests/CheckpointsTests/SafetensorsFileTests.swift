import Checkpoints
import Glibc
import SystemPackage
import TestSupport
import Testing

@Suite struct SafetensorsFileTests {
  @Test func readsWhatTheFormatDescribes() throws {
    let file = try safetensors(
      header:
        #" {"b":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]},"a":{"shape":[],"data_offsets":[0,4],"dtype":"F32"},"#
        .trimmed
        + #""empty":{"dtype":"I64","shape":[0,3],"data_offsets":[8,8]},"__metadata__":{"k":"\u00e9\n\ud83d\ude00"}}   "#,
      data: 8)
    #expect(file.metadata == ["k": "é\n😀"])
    #expect(Set(file.tensors.keys) == ["a", "b", "empty"])
    #expect(file.tensors["b"]?.shape == [2, 1])
    #expect(file.tensors["b"]?.type == .float16)
    #expect(file.tensors["b"]?.count == 2)
    #expect(file.tensors["empty"]?.count == 0)
    #expect(try file.floats("a") == [0])
    #expect(file.path == nil)
  }

  @Test func convertsEveryFloatingPointType() throws {
    let values: [Float] = [0, -0.0, 1, -2.5, 65504, 0x1p-14, .infinity, -.infinity, .nan]
    var writer = SafetensorsWriter()
    try writer.add("F32", shape: [9], floats: values)
    try writer.add("F16", type: .float16, shape: [9], bytes: words(values.map { Float16($0).bitPattern }))
    try writer.add("BF16", type: .bfloat16, shape: [9], bytes: words(values.map { UInt16($0.bitPattern >> 16) }))
    try writer.add("F64", type: .float64, shape: [9], bytes: words(values.map { Double($0).bitPattern }))
    // One byte in front of the rest: nothing behind it is aligned.
    try writer.add("U8", type: .uint8, shape: [1], bytes: [7])
    let file = try safetensors(writer.serialized())
    for name in ["F32", "F16", "F64"] {
      #expect(try file.floats(name).map(\.bitPattern) == values.map(\.bitPattern), "\(name)")
    }
    #expect(try file.floats("BF16").map(\.bitPattern) == values.map { $0.bitPattern & 0xFFFF_0000 })
    #expect(throws: CheckpointError.self) { try file.floats("U8") }
    #expect(throws: CheckpointError.self) { try file.floats("none") }
  }

  @Test func readsTensorsOfAnyAlignment() throws {
    let one = Float(1).bitPattern
    let header =
      #"{"u":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}"#
    let file = try safetensors(words([UInt64(header.utf8.count)]) + Array(header.utf8) + [9] + words([one]))
    #expect(try file.floats("f") == [1])
  }

  @Test func keepsTheMapWhenTheDescriptorIsClosed() throws {
    var writer = SafetensorsWriter(metadata: ["format": "test"])
    try writer.add("x", shape: [3], floats: [1, 2, 3])
    let bytes = writer.serialized()
    let file = try safetensors(bytes)  // its descriptor is closed by now
    #expect(try file.floats("x") == [1, 2, 3])
    #expect(file.withFileBytes { Array($0) } == bytes)
  }

  @Test func namesTheFileAndTheReasonWhenItCannotBeOpened() throws {
    let directory = TemporaryDirectory()
    let missing = directory.path.appending("missing.safetensors")
    let error = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: missing) }
    #expect(error?.code == .system)
    #expect(error?.errno == .noSuchFileOrDirectory)
    #expect(error?.file == missing)
    #expect(error?.description.contains("missing.safetensors") == true)
    let notAFile = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: directory.path) }
    #expect(notAFile?.code == .notARegularFile)
  }

  /// Without O_NONBLOCK the open would wait for a writer that never comes.
  @Test(.timeLimit(.minutes(15))) func refusesAFIFOWithoutWaiting() throws {
    let directory = TemporaryDirectory()
    let fifo = directory.path.appending("fifo")
    try #require(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
    let error = #expect(throws: CheckpointError.self) { try SafetensorsFile(path: fifo) }
    #expect(error?.code == .notARegularFile)
  }
}

extension String {
  fileprivate var trimmed: String { String(drop { $0 == " " }) }
}

/// Little-endian bytes.
func words<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
  words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
}
