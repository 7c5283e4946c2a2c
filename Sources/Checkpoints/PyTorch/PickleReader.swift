/// Reads pickles that hold nothing but values: numbers, strings, collections, and PyTorch's tensors
/// (`PickleReader+Torch`). A pickle is a program; what this one cannot prove harmless it refuses by name. Nothing is ever
/// called, imported or built other than ``PickleValue``s.
///
/// Memory grows with the length of the pickle, which has a limit; no instruction makes more than a few values.
struct PickleReader {
  /// Bytes. The state dictionary of the largest published networks, optimizer included, has less than a tenth.
  static let maximumLength = 16 << 20
  /// Values that were put on the stack, in the memo and in collections, all in all. A tensor takes about 25.
  private static let mostValues = 1_000_000
  private static let highestProtocol = 5

  private let bytes: [UInt8]
  /// Behind the last pickle that was read.
  private(set) var position: Int
  var heap = PickleHeap()
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var values = 0
  /// Dictionaries that stand for TorchScript's modules.
  var scriptObjects: Set<Int> = []

  init(_ bytes: [UInt8], at position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  /// The next pickle, up to its STOP. The heap is that of all pickles read so far.
  mutating func read() throws(CheckpointError) -> PickleValue {
    (stack, marks, memo) = ([], [], [:])
    while true {
      let place = position
      let code = try take(1).first ?? 0
      guard let opcode = PickleOpcode(rawValue: code) else {
        let name = PickleOpcode.refused[code].map { "\($0) " } ?? ""
        throw CheckpointError(
          .refused,
          "pickle: the instruction \(name)(0x\(String(code, radix: 16))) at byte \(place) is refused: only plain values and tensors are read"
        )
      }
      if opcode == .stop {
        guard marks.isEmpty, stack.count == 1, let value = stack.last else {
          throw malformed("ends with \(stack.count) values instead of one")
        }
        return value
      }
      try execute(opcode)
    }
  }

  private mutating func execute(_ opcode: PickleOpcode) throws(CheckpointError) {
    switch opcode {
    case .stop: break
    case .proto:
      let version = try number(UInt8.self)
      guard version <= Self.highestProtocol else { throw malformed("protocol \(version) is not known") }
    case .frame:
      // Says where the next reading of the disk may end; of no use here.
      _ = try take(8)
    case .mark: marks.append(stack.count)
    case .none: try push(.none)
    case .newTrue: try push(.bool(true))
    case .newFalse: try push(.bool(false))
    case .binInt: try push(.integer(Int(Int32(bitPattern: number()))))
    case .binInt1: try push(.integer(Int(number(UInt8.self))))
    case .binInt2: try push(.integer(Int(number(UInt16.self))))
    case .long1: try push(long(take(Int(number(UInt8.self)))))
    case .binFloat: try push(.float(Double(bitPattern: number(UInt64.self).byteSwapped)))
    case .shortBinString: try push(.string(Self.text(take(Int(number(UInt8.self))))))
    case .binString: try push(.string(Self.text(take(Int(number(UInt32.self))))))
    case .shortBinUnicode: try push(.string(unicode(take(Int(number(UInt8.self))))))
    case .binUnicode: try push(.string(unicode(take(Int(number(UInt32.self))))))
    case .shortBinBytes: try push(.bytes(Array(take(Int(number(UInt8.self))))))
    case .binBytes: try push(.bytes(Array(take(Int(number(UInt32.self))))))
    case .emptyTuple: try push(.tuple(heap.add([])))
    case .tuple1, .tuple2, .tuple3:
      let elements = try pop(opcode == .tuple1 ? 1 : opcode == .tuple2 ? 2 : 3)
      try push(.tuple(heap.add(elements)))
    case .tuple:
      let elements = try popMark()
      try push(.tuple(heap.add(elements)))
    case .emptyList: try push(.list(heap.add([])))
    case .append: try append(pop(1))
    case .appends: try append(popMark())
    case .emptyDict: try push(.dictionary(heap.add([])))
    case .setItem: try set(pop(2))
    case .setItems: try set(popMark())
    case .binPut: try remember(Int(number(UInt8.self)))
    case .longBinPut: try remember(Int(number(UInt32.self)))
    case .memoize: try remember(memo.count)
    case .binGet: try recall(Int(number(UInt8.self)))
    case .longBinGet: try recall(Int(number(UInt32.self)))
    case .global:
      let (module, name) = (try line(), try line())
      try push(.global(lookUp(PickleGlobal(module, name))))
    case .stackGlobal:
      let names = try pop(2)
      guard case .string(let module) = names[0], case .string(let name) = names[1] else {
        throw malformed("STACK_GLOBAL has no names")
      }
      try push(.global(lookUp(PickleGlobal(module, name))))
    case .binPersID:
      let id = try pop(1)[0]
      try push(persistent(id))
    case .reduce:
      let operands = try pop(2)
      try push(call(operands[0], with: operands[1]))
    case .newObj:
      let operands = try pop(2)
      try push(object(of: operands[0], with: operands[1]))
    case .build:
      let operands = try pop(2)
      try push(build(operands[0], from: operands[1]))
    }
  }

  func malformed(_ message: String) -> CheckpointError {
    CheckpointError(.malformed, "pickle: \(message) (byte \(position))")
  }
}

// MARK: - Stack and memo

extension PickleReader {
  private mutating func push(_ value: PickleValue) throws(CheckpointError) {
    try count(1)
    stack.append(value)
  }

  /// Before so many values are kept.
  mutating func count(_ more: Int) throws(CheckpointError) {
    values += more
    guard values <= Self.mostValues else {
      throw CheckpointError(.refused, "pickle: holds more than \(Self.mostValues) values: no checkpoint does")
    }
  }

  /// Never what lies below a mark.
  private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw malformed("takes more values than there are") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popMark() throws(CheckpointError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw malformed("there is no mark") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  /// To the list that is then on top of the stack.
  private mutating func append(_ elements: [PickleValue]) throws(CheckpointError) {
    guard stack.count > marks.last ?? 0, case .list(let list) = stack.last else {
      throw malformed("appends to something that is no list")
    }
    try count(elements.count)
    heap.append(elements, to: list)
  }

  private mutating func set(_ items: [PickleValue]) throws(CheckpointError) {
    guard stack.count > marks.last ?? 0, case .dictionary(let dictionary) = stack.last, items.count.isMultiple(of: 2)
    else { throw malformed("sets items of something that is no dictionary") }
    try count(items.count)
    heap.append(items, to: dictionary)
  }

  private mutating func remember(_ index: Int) throws(CheckpointError) {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw malformed("there is nothing to remember") }
    try count(1)
    memo[index] = value
  }

  private mutating func recall(_ index: Int) throws(CheckpointError) {
    guard let value = memo[index] else { throw malformed("asks for value \(index), which it never stored") }
    try push(value)
  }
}

// MARK: - Operands

extension PickleReader {
  private mutating func take(_ count: Int) throws(CheckpointError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else {
      throw CheckpointError(.truncated, "pickle: ends in the middle of an instruction")
    }
    defer { position += count }
    return bytes[position..<position + count]
  }

  private mutating func number<Number: FixedWidthInteger>(
    _ type: Number.Type = Number.self
  ) throws(CheckpointError) -> Number {
    try take(MemoryLayout<Number>.size).number(at: 0)
  }

  private mutating func line() throws(CheckpointError) -> String {
    guard let end = bytes[position...].prefix(1000).firstIndex(of: UInt8(ascii: "\n")) else {
      throw malformed("a name without an end")
    }
    let text = Self.text(try take(end - position))
    position += 1
    return text
  }

  private func unicode(_ bytes: ArraySlice<UInt8>) throws(CheckpointError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed("a string that is not UTF-8") }
    return text
  }

  /// A string of Python 2: UTF-8 if it can be, else Latin 1.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(validating: bytes, as: UTF8.self)
      ?? String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
  }

  private func long(_ bytes: ArraySlice<UInt8>) -> PickleValue {
    guard let last = bytes.last else { return .integer(0) }
    guard bytes.count <= 8 else { return .largeInteger(Array(bytes)) }
    // The sign fills what is missing.
    let start: Int = last & 0x80 == 0 ? 0 : -1
    return .integer(bytes.reversed().reduce(start) { $0 << 8 | Int($1) })
  }
}
