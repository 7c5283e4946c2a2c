import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Checkpoints

/// Zip archives that say one thing here and another there, and files that were damaged.
@Suite struct HostileArchiveTests {
  private let directory = TemporaryDirectory()

  private func open(_ bytes: [UInt8]) throws -> Checkpoint {
    let path = directory.path("file.pth")
    try Data(bytes).write(to: URL(fileURLWithPath: path.string))
    return try Checkpoint(path: path)
  }

  private func archive() throws -> [UInt8] {
    var writer = TorchWriter()
    for index in 0..<3 {
      let bytes = (0..<40).map { UInt8($0 * (index + 1)) }
      try writer.add("layer\(index).weight", type: .float32, shape: [2, 5], bytes: bytes)
    }
    return try writer.serialized()
  }

  /// Where the directory's entry of this record begins.
  private func entry(_ name: String, _ bytes: [UInt8]) throws -> Int {
    let pattern = Array(name.utf8)
    let start = try #require(
      bytes.indices.last { bytes[$0...].starts(with: pattern) && bytes[($0 - 46)...].starts(with: [0x50, 0x4B, 1, 2]) })
    return start - 46
  }

  private func refusal(_ bytes: [UInt8]) -> String {
    let error = #expect(throws: CheckpointError.self) {
      let checkpoint = try open(bytes)
      for tensor in checkpoint.tensors { _ = try checkpoint.bytes(of: tensor) }
    }
    return error?.message ?? ""
  }

  @Test func theWriterRefusesWhatDoesNotFit() throws {
    var writer = TorchWriter()
    for shape in [[.max, 2], [.max, .max], [-1, -4], [0, .max, 16], [5]] {
      #expect(throws: CheckpointError.self, "\(shape)") {
        try writer.add("\(shape)", type: .uint8, shape: shape, bytes: [1, 2, 3, 4])
      }
    }
    try writer.add("w", type: .uint8, shape: [2, 2], bytes: [1, 2, 3, 4])
    let twice = #expect(throws: CheckpointError.self) {
      try writer.add("w", type: .uint8, shape: [1], bytes: [5])
    }
    #expect(twice?.tensor == "w")
    try writer.add("wide", type: .float32, shape: [0, 100_000, 3_000_000_000], bytes: [])
    let checkpoint = try open(try writer.serialized())
    #expect(checkpoint.tensors.map(\.shape) == [[2, 2], [0, 100_000, 3_000_000_000]])
    #expect(try checkpoint.bytes(of: checkpoint.tensors[0]) == [1, 2, 3, 4])
  }

  @Test func archivesThatLieAreRefusedByName() throws {
    let good = try archive()
    #expect(try open(good).tensors.count == 3)
    let first = try entry("archive/data/0", good)
    let second = try entry("archive/data/1", good)
    let end = good.count - 22
    func changed(_ position: Int, _ values: [UInt8]) -> [UInt8] {
      var bytes = good
      bytes.replaceSubrange(position..<position + values.count, with: values)
      return bytes
    }
    func offset(_ entry: Int) -> [UInt8] { Array(good[entry + 42..<entry + 46]) }
    #expect(refusal(changed(first + 10, [8, 0])).contains("it says both"))
    // In both places.
    let header = Int(good[first + 42]) | Int(good[first + 43]) << 8
    var packed = changed(first + 10, [8, 0])
    packed.replaceSubrange(header + 8..<header + 10, with: [8, 0])
    #expect(refusal(packed).contains("\"archive/data/0\" is compressed"))
    #expect(refusal(changed(first + 8, [1, 8])).contains("encrypted"))
    #expect(refusal(changed(second + 42, offset(first))).contains("overlaps"))
    #expect(refusal(changed(second + 59, [0x30])).contains("two records"))
    #expect(refusal(changed(first + 20, [0xF0, 0xFF, 0xFF, 0x7F, 0xF0, 0xFF, 0xFF, 0x7F])).contains("beyond the data"))
    #expect(refusal(changed(first + 20, [41, 0, 0, 0])).contains("stored in 41 bytes"))
    #expect(refusal(changed(first + 42, [0xFF, 0xFF, 0xFF, 0x7F])).contains("beyond the data"))
    #expect(refusal(changed(first + 42, [1, 0, 0, 0])).contains("overlaps"))
    #expect(refusal(changed(first + 16, [1, 2, 3, 4])).contains("checksum"))
    // A size in 64 bits that is not there.
    #expect(refusal(changed(first + 20, [0xFF, 0xFF, 0xFF, 0xFF])).contains("no valid size"))
    #expect(refusal(changed(end + 10, [3, 0])).contains("several"))
    #expect(refusal(changed(end + 8, [3, 0, 3, 0])).contains("lists 6 records"))
    #expect(refusal(changed(end + 16, [1, 0, 0, 0])).contains("does not reach"))
    #expect(refusal(changed(end, [0])).contains("incomplete"))
    #expect(refusal(Array(good.dropLast(30))).contains("incomplete"))
    let order = try #require(good.indices.first { good[$0...].starts(with: Array("little".utf8)) })
    // Without its checksum, so that it is the byte order that is refused.
    var big = changed(order, Array("bigend".utf8))
    big.replaceSubrange(
      try entry("archive/byteorder", good) + 16..<entry("archive/byteorder", good) + 20, with: [0, 0, 0, 0])
    #expect(refusal(big).contains("little-endian machine"))
  }

  /// Whatever is done to a file: it is refused, or reads as before. Every bit of a storage is under a checksum.
  @Test func damagedFilesNeverCrash() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("HostileArchiveTests seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let zip = try archive()
    let legacy = Pickle.holding("w") { $0.tensor(count: 4, offset: 0, shape: [2, 2], strides: [1, 2]) }.legacyFile()
    var refused = 0
    for round in 0..<3_000 {
      var bytes = round.isMultiple(of: 2) ? zip : legacy
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes.removeLast(Int.random(in: 1..<bytes.count / 2, using: &random))
        case 1:
          bytes.insert(UInt8.random(in: 0...255, using: &random), at: Int.random(in: bytes.indices, using: &random))
        case 2: bytes.remove(at: Int.random(in: bytes.indices, using: &random))
        default:
          bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
      }
      do {
        let checkpoint = try open(bytes)
        for tensor in checkpoint.tensors {
          #expect(try checkpoint.bytes(of: tensor).count == tensor.count * tensor.type.size, "seed \(seed)")
        }
      } catch is CheckpointError {
        refused += 1
      }
    }
    #expect(refused > 1_000, "the damage does no damage, seed \(seed)")

    for _ in 0..<200 {
      var bytes = zip
      let start = try #require(zip.indices.first { zip[$0...].starts(with: (0..<40).map { UInt8($0) }) })
      bytes[start + Int.random(in: 0..<40, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      #expect(refusal(bytes).contains("checksum"), "seed \(seed)")
    }
  }

  /// zlib's values for the usual test strings.
  @Test func checksums() {
    #expect(CyclicRedundancyCheck.of([]) == 0)
    #expect(CyclicRedundancyCheck.of(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(CyclicRedundancyCheck.of(Array("The quick brown fox jumps over the lazy dog".utf8)) == 0x414F_A339)
  }
}
