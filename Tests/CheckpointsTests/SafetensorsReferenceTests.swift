import Checkpoints
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Against Python's `json` and `struct`, which know nothing of this code, against the reference implementation where it is
/// installed, and against files that others have written.
@Suite struct SafetensorsReferenceTests {
  static let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }
  static let repository = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
  static let published = repository.pushing("../shared/data/checkpoints/neutral.safetensors")

  /// Prints name, type, shape and the sum of the values of each tensor in Double, and the metadata.
  static let reader = """
    import json, struct, sys
    data = open(sys.argv[1], 'rb').read()
    (n,) = struct.unpack('<Q', data[:8])
    header = json.loads(data[8:8 + n])
    try:
        from safetensors import deserialize
        assert {name for name, _ in deserialize(data)} == header.keys() - {'__metadata__'}
    except ImportError:
        print('the safetensors package is not installed: read without it', file=sys.stderr)
    for key, value in sorted(header.pop('__metadata__', {}).items()):
        print(json.dumps([key, value]))
    for name, t in sorted(header.items()):
        begin, end = t['data_offsets']
        body = data[8 + n + begin:8 + n + end]
        code = {'F32': 'f', 'F64': 'd', 'F16': 'e'}[t['dtype']]
        values = struct.unpack('<%d%s' % (len(body) // struct.calcsize(code), code), body)
        print(json.dumps([name, t['shape'], repr(float(sum(values))), len(values)]))
    """

  static func description(of file: SafetensorsFile) throws -> [String] {
    func line(_ values: [Any]) throws -> String {
      // As Python's json.dumps writes it.
      String(
        decoding: try JSONSerialization.data(withJSONObject: values, options: [.withoutEscapingSlashes]), as: UTF8.self)
    }
    return try file.metadata.sorted { $0.key < $1.key }.map { try line([$0.key, $0.value]) }
      + file.tensors.sorted { $0.key < $1.key }.map { name, tensor in
        let values = try file.floats(name)
        let sum = values.reduce(0.0) { $0 + Double($1) }
        return try line([name, tensor.shape, "\(sum)", values.count])
      }
  }

  static func run(_ script: String, _ path: FilePath) throws -> [String] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(python))
    process.arguments = ["-c", script, path.string]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return text.split(separator: "\n").map { String($0).replacing(", ", with: ",") }
  }

  // Needs python3, any version, without packages.
  @Test(.enabled(if: python != nil, "no python3")) func pythonReadsWhatWeWrite() throws {
    let directory = TemporaryDirectory()
    let path = directory.path.appending("ours.safetensors")
    var writer = SafetensorsWriter(metadata: ["quote\"d": "back\\slash", "a": "line\nbreak"])
    try writer.add("conv1.weight", shape: [2, 3], floats: [0.5, 1.25, -2, 3, 4, 1e-3])
    try writer.add("half", type: .float16, shape: [2], bytes: words([Float16(1.5).bitPattern, Float16(-3).bitPattern]))
    try writer.add("wide", type: .float64, shape: [], bytes: words([Double(0.125).bitPattern]))
    try writer.write(to: path)
    #expect(try Self.run(Self.reader, path) == Self.description(of: SafetensorsFile(path: path)))
  }

  // Needs ../shared, which is not part of the repository.
  @Test(
    .enabled(
      if: python != nil && FileManager.default.fileExists(atPath: published.string), "no python3 or no ../shared"))
  func readsAPublishedFileAsPythonDoes() throws {
    let file = try SafetensorsFile(path: Self.published)
    #expect(file.tensors.values.map(\.shape).contains([1, 77, 768]))
    #expect(try Self.run(Self.reader, Self.published) == Self.description(of: file))
  }
}
