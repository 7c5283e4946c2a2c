import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Checkpoints

/// Pickles that are programs, and those that are bombs.
@Suite struct HostilePickleTests {
  private func read(_ bytes: [UInt8]) throws -> TensorListing {
    var reader = PickleReader(bytes)
    let root = try reader.read()
    return try TensorListing(root, reader.heap)
  }

  private func refusal(_ pickle: Pickle) -> CheckpointError? {
    #expect(throws: CheckpointError.self) { _ = try read(pickle.finished) }
  }

  @Test(
    arguments: [
      ("os", "system"), ("posix", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("builtins", "getattr"),
      ("__builtin__", "exec"), ("torch", "load"), ("torch.hub", "load"), ("torch._utils", "_rebuild_sparse_tensor"),
      ("numpy.core.multiarray", "scalar"), ("collections", "namedtuple"), ("torch", "FloatStorage.__init__"),
      ("torch.jit._pickle", "system"), ("__torch", "x"), ("argparse", "Namespace"),
    ])
  func foreignNamesAreRefusedByName(_ module: String, _ name: String) {
    let error = refusal(
      .holding { pickle in
        pickle.global(module, name)
        pickle.string("touch /tmp/owned")
        pickle.code(.tuple1)
        pickle.code(.reduce)
      })
    #expect(error?.code == .refused)
    #expect(error?.message.contains("\(module).\(name)") == true, "\(error.map { "\($0)" } ?? "")")
  }

  /// Names that are put together while the pickle runs (protocol 4).
  @Test func namesFromTheStackAreRefusedToo() {
    let error = refusal(
      .holding { pickle in
        pickle.string("os")
        pickle.string("system")
        pickle.code(.stackGlobal)
      })
    #expect(error?.code == .refused && error?.message.contains("os.system") == true)
  }

  @Test func everyOtherInstructionIsRefusedByName() {
    for code in UInt8.min...UInt8.max where PickleOpcode(rawValue: code) == nil {
      let error = #expect(throws: CheckpointError.self) { _ = try read([0x80, 2, code, 0, 0, 0, 0, 0x2E]) }
      #expect(error?.code == .refused && error?.message.contains("0x\(String(code, radix: 16))") == true)
      if let name = PickleOpcode.refused[code] { #expect(error?.message.contains(" \(name) ") == true) }
    }
    // The instructions of all protocols: none is both.
    #expect(PickleOpcode.refused.count == 28)
  }

  @Test func objectsAndAttributesAreRefused() {
    let object = refusal(
      .holding { pickle in
        pickle.global("collections", "OrderedDict")
        pickle.code(.emptyTuple)
        pickle.code(.newObj)
      })
    #expect(object?.code == .refused)
    let attributes = refusal(
      .holding { pickle in
        pickle.code(.emptyList)
        pickle.code(.emptyDict)
        pickle.code(.build)
      })
    #expect(attributes?.code == .refused)
    let called = refusal(
      .holding { pickle in
        pickle.global("torch", "FloatStorage")
        pickle.code(.emptyTuple)
        pickle.code(.reduce)
      })
    #expect(called?.message.contains("torch.FloatStorage") == true)
  }

  @Test func nestingNeitherOverflowsNorHangs() {
    // A tuple in a tuple in a tuple …; released at the end as well.
    var deep = Pickle()
    deep.code(.emptyTuple)
    for _ in 0..<500_000 { deep.code(.tuple1) }
    #expect(refusal(deep)?.message.contains("too deep") == true)

    // Lists that hold the one before twice: few values, 2^60 ways.
    var wide = Pickle()
    wide.code(.mark)
    wide.code(.emptyList)
    for index in 0..<60 {
      wide.code(.binPut, [UInt8(index)])
      wide.code(.emptyList)
      for _ in 0..<2 {
        wide.code(.binGet, [UInt8(index)])
        wide.code(.append)
      }
    }
    wide.code(.tuple)
    #expect(refusal(wide)?.message.contains("too often") == true)

    // A dictionary that holds itself.
    var circle = Pickle()
    circle.code(.emptyDict)
    circle.code(.binPut, [0])
    circle.string("self")
    circle.code(.binGet, [0])
    circle.code(.setItem)
    #expect(refusal(circle)?.message.contains("too deep") == true)
  }

  @Test func memoryHasALimit() {
    var memo = Pickle()
    memo.code(.none)
    for index in UInt32(0)..<1_000_000 { memo.code(.longBinPut, memo.number(index &* 977)) }
    #expect(refusal(memo)?.message.contains("values") == true)

    // Copies of a large dictionary, a few bytes each.
    var copies = Pickle()
    copies.code(.emptyDict)
    copies.code(.mark)
    for _ in 0..<200_000 { copies.code(.none) }
    copies.code(.setItems)
    copies.code(.binPut, [0])
    for _ in 0..<100_000 {
      copies.global("collections", "OrderedDict")
      copies.code(.binGet, [0])
      copies.code(.tuple1)
      copies.code(.reduce)
    }
    #expect(refusal(copies)?.message.contains("values") == true)

    // A string that says it is longer than the file.
    var text = Pickle()
    text.code(.binUnicode, [0xFF, 0xFF, 0xFF, 0xFF, 0x41])
    #expect(refusal(text)?.code == .truncated)
  }

  @Test(
    arguments: [
      (4, 0, [5], [1]), (4, 1, [4], [1]), (4, 0, [2, 2], [2, 2]), (4, -1, [2], [1]), (4, 0, [-1], [1]),
      (4, 0, [2], [-1]), (4, 0, [2, 2], [1]), (4, .max, [1], [1]), (4, 0, [.max, .max, .max, .max], [.max, 1, 1, 1]),
      (1, 0, [100_000_000], [0]),
    ] as [(Int32, Int32, [Int32], [Int32])])
  func viewsStayInTheirStorage(_ count: Int32, _ offset: Int32, _ shape: [Int32], _ strides: [Int32]) {
    let error = refusal(.holding { $0.tensor(count: count, offset: offset, shape: shape, strides: strides) })
    #expect(error?.code == .malformed && error?.message.contains("storage of \(count)") == true)
  }

  @Test func viewsDoNotOverflow() throws {
    for (shape, strides, offset) in [
      ([2], [.max], 0), ([2], [.max - 1], 1), ([2, 1 << 62], [1 << 62, 1], 0), ([1], [1], .max),
      ([.max, .max], [0, 0], 0),
    ] as [([Int], [Int], Int)] {
      #expect(TorchTensor(storage: 0, of: 4, offset: offset, shape: shape, strides: strides) == nil)
    }
    // Of nothing, the strides may be as they like.
    let empty = try #require(TorchTensor(storage: 0, of: 4, offset: 0, shape: [0, 2], strides: [1, .max]))
    #expect(empty.count == 0 && empty.span.isEmpty && empty.gathered(from: [], elementSize: 4).isEmpty)
  }

  @Test func theStackIsGuarded() {
    let codes: [[UInt8]] = [
      [0x2E], [0x4E, 0x4E, 0x2E], [0x28, 0x4E, 0x2E], [0x28, 0x61, 0x2E], [0x52, 0x2E], [0x75, 0x2E],
      [0x28, 0x75, 0x2E],
      [0x7D, 0x28, 0x4E, 0x75, 0x2E], [0x5D, 0x28, 0x73, 0x2E], [0x71, 0, 0x2E], [0x68, 3, 0x2E], [0x65, 0x2E],
      [0x85, 0x2E], [0x4E, 0x28, 0x85, 0x2E], [0x51, 0x2E], [0x63, 0x61, 0x2E], [0x8A, 5, 1], [0x80, 9, 0x4E, 0x2E], [],
    ]
    for code in codes {
      #expect(throws: CheckpointError.self, "\(code)") { _ = try read(code) }
    }
  }

  @Test func plainValuesAreRead() throws {
    var reader = PickleReader([
      0x80, 2, 0x28, 0x8A, 0, 0x8A, 1, 0xFF, 0x8A, 2, 0x00, 0x80, 0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x4A, 0xFE, 0xFF,
      0xFF, 0xFF, 0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 0x55, 1, 0xE9, 0x74, 0x2E,
    ])
    let root = try reader.read()
    #expect(
      reader.heap.elements(root) == [
        .integer(0), .integer(-1), .integer(-32768), .integer(.min), .integer(-2), .float(1.5), .string("é"),
      ])
  }

  // MARK: - Whole files

  @Test func theOlderFormatIsReadAndGuarded() throws {
    let directory = TemporaryDirectory()
    func open(_ bytes: [UInt8]) throws -> Checkpoint {
      let path = directory.path("file.pth")
      try Data(bytes).write(to: URL(fileURLWithPath: path.string))
      return try Checkpoint(path: path)
    }
    let good = Pickle.holding("w") { $0.tensor(count: 4, offset: 1, shape: [2], strides: [2]) }
    let checkpoint = try open(good.legacyFile())
    #expect(checkpoint.format == .pytorchLegacy)
    #expect(try checkpoint.floats(of: #require(checkpoint.tensors.first)) == [1, 1])

    for (bytes, message) in [
      (Array(good.legacyFile().dropLast()), "ends before storage"),
      (good.legacyFile(storages: [("0", 5)]), "5 elements"),
      (good.legacyFile(storages: []), "is not in the file"),
      (good.legacyFile(storages: [("0", 4), ("0", 4)]), "twice"),
      (Pickle.holding { $0.tensor(storage: "QInt8Storage") }.legacyFile(), "QInt8Storage"),
      (Pickle.holding { $0.global("os", "system") }.legacyFile(), "os.system"),
    ] {
      let error = #expect(throws: CheckpointError.self) { _ = try open(bytes) }
      #expect(error?.message.contains(message) == true, "\(error.map { "\($0)" } ?? "")")
    }
  }

  @Test(
    arguments: [
      ("version https://git-lfs.github.com/spec/v1\noid", "Git LFS"), ("<!DOCTYPE html><html>", "web page"),
      ("", "empty"),
      ("hello, world", "neither"), ("\u{1F}\u{8B}", "neither"),
    ])
  func otherFilesAreNamed(_ content: String, _ message: String) throws {
    let directory = TemporaryDirectory()
    let path = directory.write(content, to: "file.pth")
    let error = #expect(throws: CheckpointError.self) { _ = try Checkpoint(path: path) }
    #expect(error?.message.contains(message) == true, "\(error.map { "\($0)" } ?? "")")
  }
}
