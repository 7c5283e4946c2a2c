/// A `state_dict` as `torch.save` writes it: a zip archive of stored records, the data of each aligned to 64 bytes.
/// `torch.load` reads it, with `weights_only=True` too.
package struct TorchWriter {
  private var pickle = PickleWriter()
  private var file: [UInt8] = []
  private var directory: [UInt8] = []
  private var records = 0
  private var storages: [(key: String, bytes: [UInt8])] = []
  private var names: Set<String> = []

  private static let alignment = 64
  private static let prefix = "archive/"
  /// Beyond, the directory would need numbers of 64 bits.
  private static let largestFile = Int(UInt32.max)

  package init() {}

  /// - Parameter bytes: row-major, little-endian.
  package mutating func add(
    _ name: String, type: ElementType, shape: [Int], bytes: [UInt8]
  ) throws(CheckpointError) {
    guard let storage = TorchStorage.types.first(where: { $0.value == type })?.key else {
      throw CheckpointError(.unsupportedType, "PyTorch has no storage for \(type.rawValue)", tensor: name)
    }
    guard names.insert(name).inserted else { throw CheckpointError(.invalidInput, "added twice", tensor: name) }
    guard let strides = Self.strides(of: shape), bytes.count == shape.reduce(type.size, *) else {
      throw CheckpointError(
        .invalidInput, "\(type.rawValue) of shape \(shape) does not take \(bytes.count) bytes", tensor: name)
    }
    let key = "\(storages.count)"
    pickle.add(
      name, storage: storage, key: key, count: bytes.count / type.size, shape: shape, strides: strides)
    storages.append((key, bytes))
  }

  /// In row-major order; a dimension of 0 counts as 1, as in PyTorch. nil: larger than any memory.
  private static func strides(of shape: [Int]) -> [Int]? {
    var strides = shape
    var stride = 1
    for dimension in shape.indices.reversed() {
      strides[dimension] = stride
      let (product, overflow) = stride.multipliedReportingOverflow(by: max(shape[dimension], 1))
      guard shape[dimension] >= 0, !overflow, product <= Int.max / 16 else { return nil }
      stride = product
    }
    return strides
  }

  /// The file's bytes.
  package consuming func serialized() throws(CheckpointError) -> [UInt8] {
    let total = storages.reduce(pickle.bytes.count) { $0 + $1.bytes.count + 512 }
    guard total <= Self.largestFile, storages.count < 0xFFF0 else {
      throw CheckpointError(.invalidInput, "more than 4 GiB cannot be written in this format")
    }
    file.reserveCapacity(total)
    append("data.pkl", pickle.finished())
    append("byteorder", Array("little".utf8))
    for storage in storages { append("data/\(storage.key)", storage.bytes) }
    append("version", Array("3\n".utf8))
    let start = file.count
    file += directory
    file += Self.number(UInt32(0x0605_4B50)) + [0, 0, 0, 0]
    file += Self.number(UInt16(records)) + Self.number(UInt16(records))
    file += Self.number(UInt32(directory.count)) + Self.number(UInt32(start)) + [0, 0]
    return file
  }

  private mutating func append(_ name: String, _ data: [UInt8]) {
    let name = Array((Self.prefix + name).utf8)
    let offset = file.count
    let checksum = CyclicRedundancyCheck.of(data)
    // Version 2.0, names in UTF-8, stored; 1980-01-01, the earliest time there is.
    var common = Self.number(UInt16(20)) + Self.number(UInt16(0x800)) + [0, 0, 0, 0] + Self.number(UInt16(0x21))
    common += Self.number(checksum) + Self.number(UInt32(data.count)) + Self.number(UInt32(data.count))
    common += Self.number(UInt16(name.count))
    // An extra field of PyTorch's kind ("FB") moves the data to its place.
    let unaligned = offset + 30 + name.count + 4
    let padding = (Self.alignment - unaligned % Self.alignment) % Self.alignment
    file += Self.number(UInt32(0x0403_4B50)) + common + Self.number(UInt16(4 + padding)) + name
    file += Array("FB".utf8) + Self.number(UInt16(padding)) + Array(repeating: UInt8(ascii: "Z"), count: padding)
    file += data
    directory += Self.number(UInt32(0x0201_4B50)) + Self.number(UInt16(20)) + common
    directory += Array(repeating: 0, count: 12) + Self.number(UInt32(offset)) + name
    records += 1
  }

  private static func number(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

/// An `OrderedDict` of tensors in protocol 2.
private struct PickleWriter {
  private(set) var bytes: [UInt8] = []

  init() {
    bytes += [PickleOpcode.proto.rawValue, 2]
    emptyDictionary()
    code(.mark)
  }

  mutating func add(_ name: String, storage: String, key: String, count: Int, shape: [Int], strides: [Int]) {
    string(name)
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
    integer(0)
    tuple(shape)
    tuple(strides)
    code(.newFalse)
    emptyDictionary()
    code(.tuple)
    code(.reduce)
  }

  func finished() -> [UInt8] {
    bytes + [PickleOpcode.setItems.rawValue, PickleOpcode.stop.rawValue]
  }

  private mutating func code(_ opcode: PickleOpcode) {
    bytes.append(opcode.rawValue)
  }

  private mutating func emptyDictionary() {
    global("collections", "OrderedDict")
    code(.emptyTuple)
    code(.reduce)
  }

  private mutating func global(_ module: String, _ name: String) {
    code(.global)
    bytes += Array("\(module)\n\(name)\n".utf8)
  }

  private mutating func string(_ text: String) {
    code(.binUnicode)
    bytes += withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Array($0) } + Array(text.utf8)
  }

  private mutating func integer(_ value: Int) {
    if let narrow = Int32(exactly: value) {
      code(.binInt)
      bytes += withUnsafeBytes(of: narrow.littleEndian) { Array($0) }
    } else {
      code(.long1)
      bytes += [8] + withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) }
    }
  }

  private mutating func tuple(_ values: [Int]) {
    code(.mark)
    for value in values { integer(value) }
    code(.tuple)
  }
}
