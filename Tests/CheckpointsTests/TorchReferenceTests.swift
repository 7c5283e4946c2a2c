import Checkpoints
import Foundation
import SystemPackage
import TestSupport
import Testing

/// What PyTorch writes, we read; what we write, PyTorch reads.
@Suite(.enabled(if: TorchPython.isAvailable, "skipped: PyTorch is not installed (apt install python3-torch)"))
struct TorchReferenceTests {
  struct Reference: Decodable {
    var name: String
    var type: String
    var shape: [Int]
    var bytes: Data
  }

  /// Random trees of random views of all types, in both formats.
  @Test func readsWhatPyTorchWrites() throws {
    let directory = TemporaryDirectory()
    let seed = UInt64.random(in: 0..<1_000_000)
    let written = try TorchPython.run([TorchPython.script, "random", directory.path.string, "\(seed)", "120"])
    #expect(written.status == 0)
    var formats: [Checkpoint.Format: Int] = [:]
    for index in 0..<120 {
      let json = directory.path("\(index).json").string
      // Names that two tensors would share are not written.
      guard let data = FileManager.default.contents(atPath: json) else { continue }
      let place: Comment = "seed \(seed), file \(index)"
      let references = try JSONDecoder().decode([Reference].self, from: data)
      let checkpoint = try Checkpoint(path: directory.path("\(index).pth"))
      formats[checkpoint.format, default: 0] += 1
      try #require(checkpoint.tensors.map(\.name) == references.map(\.name), place)
      for (tensor, reference) in zip(checkpoint.tensors, references) {
        #expect(tensor.type.rawValue == reference.type && tensor.shape == reference.shape, place)
        #expect(try checkpoint.bytes(of: tensor) == Array(reference.bytes), "\(place): \(tensor.name)")
      }
    }
    #expect(formats[.pytorchZip, default: 0] > 20 && formats[.pytorchLegacy, default: 0] > 20, "seed \(seed)")
  }

  @Test func readsTorchScript() throws {
    let directory = TemporaryDirectory()
    let path = directory.path("scripted.pt")
    #expect(try TorchPython.run([TorchPython.script, "script", path.string]).status == 0)
    let checkpoint = try Checkpoint(path: path)
    #expect(checkpoint.format == .torchScript)
    let names = Set(checkpoint.tensors.map(\.name))
    #expect(names.isSuperset(of: ["body.0.weight", "body.0.bias", "body.1.running_var"]), "\(names)")
    for tensor in checkpoint.tensors where tensor.name == "body.0.weight" {
      #expect(tensor.shape == [4, 3, 3, 3])
      #expect(try checkpoint.floats(of: tensor).contains { $0 != 0 })
    }
  }

  @Test func pyTorchReadsWhatWeWrite() throws {
    let directory = TemporaryDirectory()
    let path = directory.path("ours.pth")
    var writer = TorchWriter()
    let types: [ElementType] = [.float32, .float16, .bfloat16, .float64, .int64, .uint8, .bool]
    var values: [String: [UInt8]] = [:]
    for (index, type) in types.enumerated() {
      let bytes = (0..<6 * type.size).map { UInt8(truncatingIfNeeded: $0 % 2) }
      values["tensor é\(index)"] = bytes
      try writer.add("tensor é\(index)", type: type, shape: [2, 3], bytes: bytes)
    }
    try writer.add("scalar", type: .int64, shape: [], bytes: [7, 0, 0, 0, 0, 0, 0, 0])
    try writer.add("empty", type: .float32, shape: [0, 4], bytes: [])
    // Numbers beyond 32 bits.
    try writer.add("wide", type: .float32, shape: [0, 100_000, 3_000_000_000], bytes: [])
    let bytes = try writer.serialized()
    #expect(FileManager.default.createFile(atPath: path.string, contents: Data(bytes)))
    let (status, output) = try TorchPython.run([TorchPython.script, "digest", path.string])
    #expect(status == 0)
    let lines = output.split(separator: "\n")
    #expect(lines.count == types.count + 3)
    #expect(lines.contains { $0.hasPrefix("wide F32 [0, 100000, 3000000000] ") })
    #expect(lines.contains { $0.hasPrefix("scalar I64 [] ") } && lines.contains { $0.hasPrefix("empty F32 [0, 4] ") })
    let checkpoint = try Checkpoint(path: path)
    for (tensor, type) in zip(checkpoint.tensors, types) {
      #expect(lines.contains { $0.hasPrefix("\(tensor.name) \(type.rawValue) [2, 3] ") })
      #expect(try checkpoint.bytes(of: tensor) == values[tensor.name])
    }
  }
}
