import Checkpoints
import TestSupport
import Testing

@Suite struct SafetensorsPropertyTests {
  struct Model: Equatable {
    var metadata: [String: String] = [:]
    var tensors: [String: (type: ElementType, shape: [Int], bytes: [UInt8])] = [:]

    static func == (left: Model, right: Model) -> Bool {
      left.metadata == right.metadata && left.tensors.keys == right.tensors.keys
        && left.tensors.allSatisfy { name, tensor in right.tensors[name].map { $0 == tensor } ?? false }
    }

    func write() throws -> [UInt8] {
      var writer = SafetensorsWriter(metadata: metadata)
      for (name, tensor) in tensors {
        try writer.add(name, type: tensor.type, shape: tensor.shape, bytes: tensor.bytes)
      }
      return writer.serialized()
    }

    static func read(_ bytes: [UInt8]) throws -> Model {
      let file = try safetensors(bytes)
      return Model(
        metadata: file.metadata,
        tensors: file.tensors.mapValues { tensor in
          (tensor.type, tensor.shape, file.withFileBytes { Array($0[tensor.bytes]) })
        })
    }
  }

  static func text(using random: inout SeededGenerator) -> String {
    let alphabet: [Character] = ["a", ".", "_", "0", "\"", "\\", "\n", "\0", "é", "e\u{301}", "😀", " ", "/", "\u{7F}"]
    return String((0..<Int.random(in: 0...12, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
  }

  static func model(using random: inout SeededGenerator) -> Model {
    var model = Model()
    for _ in 0..<Int.random(in: 0...4, using: &random) { model.metadata[text(using: &random)] = text(using: &random) }
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      let type = ElementType.allCases.randomElement(using: &random)!
      let shape = (0..<Int.random(in: 0...4, using: &random)).map { _ in Int.random(in: 0...4, using: &random) }
      let bytes = (0..<shape.reduce(type.size, *)).map { _ in UInt8.random(in: 0...255, using: &random) }
      model.tensors[text(using: &random)] = (type, shape, bytes)
    }
    return model
  }

  @Test func randomFilesComeBackAsTheyWere() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for round in 0..<300 {
      let model = Self.model(using: &random)
      let bytes = try model.write()
      #expect(bytes.count >= 8)
      #expect(try model.write() == bytes, "the order depends on something else, seed \(seed), round \(round)")
      #expect(try Model.read(bytes) == model, "seed \(seed), round \(round)")
      let headerLength = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
      #expect(headerLength % 8 == 0, "seed \(seed), round \(round)")
    }
  }

  /// Whatever is done to a file, it is either refused or every value that its header promises can be read.
  @Test func corruptFilesAreRefusedOrReadable() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("SafetensorsPropertyTests seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var refused = 0
    for _ in 0..<3000 {
      var bytes = try Self.model(using: &random).write()
      for _ in 0..<Int.random(in: 1...3, using: &random) { Self.damage(&bytes, using: &random) }
      do {
        let file = try safetensors(bytes)
        for (name, tensor) in file.tensors {
          if [.float16, .bfloat16, .float32, .float64].contains(tensor.type) {
            #expect(try file.floats(name).count == tensor.shape.reduce(1, *), "seed \(seed)")
          }
        }
      } catch is CheckpointError {
        refused += 1
      }
    }
    #expect(refused > 1000, "the damage does no damage, seed \(seed)")
  }

  static func damage(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
    guard bytes.count > 8 else { return }
    let header = 8..<min(bytes.count, 8 + Int(bytes[8 - 8]) + Int(bytes[1]) << 8)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
    case 1: bytes += Array(repeating: 0, count: Int.random(in: 1...9, using: &random))
    case 2: bytes[Int.random(in: 0..<8, using: &random)] = UInt8.random(in: 0...255, using: &random)
    case 3: bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
    case 4:
      // Another digit: offsets and dimensions that do not fit.
      let digits = header.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[$0]) }
      if let digit = digits.randomElement(using: &random) {
        bytes[digit] = UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &random)
      }
    default:
      if let position = header.randomElement(using: &random) {
        bytes[position] = Array("{}[]\",:\\-0 ".utf8).randomElement(using: &random)!
      }
    }
  }
}
