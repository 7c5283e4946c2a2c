@testable import Checkpoints

/// Builds pickles by hand, those included that no Python would write.
struct Pickle {
  private(set) var bytes: [UInt8] = [0x80, 2]

  init() {}

  mutating func code(_ opcode: PickleOpcode, _ operand: [UInt8] = []) {
    bytes += [opcode.rawValue] + operand
  }

  mutating func string(_ text: String) {
    code(.binUnicode, number(UInt32(text.utf8.count)) + Array(text.utf8))
  }

  mutating func integer(_ value: Int32) { code(.binInt, number(value)) }

  mutating func global(_ module: String, _ name: String) { code(.global, Array("\(module)\n\(name)\n".utf8)) }

  mutating func tuple(_ values: [Int32]) {
    code(.mark)
    for value in values { integer(value) }
    code(.tuple)
  }

  /// A storage of floats and a view of it.
  mutating func tensor(
    key: String = "0", storage: String = "FloatStorage", count: Int32 = 4, offset: Int32 = 0, shape: [Int32] = [4],
    strides: [Int32] = [1]
  ) {
    global("torch._utils", "_rebuild_tensor_v2")
    code(.mark)
    code(.mark)
    string("storage")
    global("torch", storage)
    string(key)
    string("cpu")
    integer(count)
    code(.tuple)
    code(.binPersID)
    integer(offset)
    tuple(shape)
    tuple(strides)
    code(.newFalse)
    code(.tuple)
    code(.reduce)
  }

  var finished: [UInt8] { bytes + [PickleOpcode.stop.rawValue] }

  /// A dictionary with one value.
  static func holding(_ key: String = "x", _ value: (inout Pickle) -> Void) -> Pickle {
    var pickle = Pickle()
    pickle.code(.emptyDict)
    pickle.string(key)
    value(&pickle)
    pickle.code(.setItem)
    return pickle
  }

  /// A file of the older format: this object, and storages of zeros and ones.
  func legacyFile(storages: [(key: String, floats: Int)] = [("0", 4)]) -> [UInt8] {
    var order = Pickle()
    order.code(.emptyList)
    order.code(.mark)
    for storage in storages { order.string(storage.key) }
    order.code(.appends)
    var file: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    file += [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E]
    file += Pickle.holding("little_endian") { $0.code(.newTrue) }.finished
    file += finished + order.finished
    for storage in storages {
      file += number(UInt64(storage.floats))
      for index in 0..<storage.floats { file += number(Float(index % 2).bitPattern) }
    }
    return file
  }

  func number(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
