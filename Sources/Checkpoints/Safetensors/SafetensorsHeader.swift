/// A safetensors header that has been checked against the size of its file.
///
/// Layout (huggingface/safetensors, "Format"): 8 bytes, the little-endian length of the header; the header, a JSON
/// object, padded with spaces; the data. Every byte of the data belongs to exactly one tensor.
struct SafetensorsHeader: Equatable {
  /// The limit of the reference implementation.
  static let maximumLength = 100_000_000
  static let lengthBytes = 8

  var metadata: [String: String]
  var tensors: [String: TensorDescription]

  init(file bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
    guard bytes.count >= Self.lengthBytes else {
      throw CheckpointError(
        .truncated, "has \(bytes.count) bytes, fewer than the \(Self.lengthBytes) that a safetensors file begins with")
    }
    let declared = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard declared <= UInt64(Self.maximumLength) else {
      throw CheckpointError(
        .malformed,
        "says that its header has \(declared) bytes; the format allows \(Self.maximumLength): not a safetensors file")
    }
    let dataStart = Self.lengthBytes + Int(declared)
    guard dataStart <= bytes.count else {
      throw CheckpointError(
        .truncated, "says that its header has \(declared) bytes, but only \(bytes.count - Self.lengthBytes) follow")
    }
    var parser = SafetensorsHeaderParser(text: Array(bytes[Self.lengthBytes..<dataStart]))
    let raw = try parser.parse()
    metadata = raw.metadata
    tensors = try Self.placed(raw.tensors, in: dataStart..<bytes.count)
  }

  /// Checks each entry for itself, then that all of them together cover the data without overlap or gap.
  private static func placed(
    _ entries: [String: SafetensorsHeaderParser.Entry], in data: Range<Int>
  ) throws(CheckpointError) -> [String: TensorDescription] {
    var tensors: [String: TensorDescription] = [:]
    tensors.reserveCapacity(entries.count)
    // In the order of the data: the same file gives the same error every time.
    for (name, entry) in entries.sorted(by: { ($0.value.begin, $0.key) < ($1.value.begin, $1.key) }) {
      tensors[name] = try description(of: entry, named: name, in: data)
    }

    var end = data.lowerBound
    var previous: String?
    let ordered = tensors.sorted {
      ($0.value.bytes.lowerBound, $0.value.bytes.upperBound, $0.key)
        < ($1.value.bytes.lowerBound, $1.value.bytes.upperBound, $1.key)
    }
    for (name, tensor) in ordered {
      if tensor.bytes.lowerBound < end {
        throw CheckpointError(.malformed, "overlaps tensor \(quoted(previous ?? ""))", tensor: name)
      }
      if tensor.bytes.lowerBound > end {
        throw CheckpointError(
          .malformed, "the \(tensor.bytes.lowerBound - end) bytes before it belong to no tensor", tensor: name)
      }
      end = tensor.bytes.upperBound
      previous = name
    }
    guard end == data.upperBound else {
      throw CheckpointError(.malformed, "the last \(data.upperBound - end) bytes of the file belong to no tensor")
    }
    return tensors
  }

  private static func description(
    of entry: SafetensorsHeaderParser.Entry, named name: String, in data: Range<Int>
  ) throws(CheckpointError) -> TensorDescription {
    guard let type = ElementType(rawValue: entry.type) else {
      throw CheckpointError(.malformed, "unknown type \(quoted(entry.type))", tensor: name)
    }
    guard entry.shape.count <= TorchTensor.mostDimensions else {
      throw CheckpointError(.malformed, "has \(entry.shape.count) dimensions", tensor: name)
    }
    var size = type.size
    for dimension in entry.shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard !overflow else {
        throw CheckpointError(.malformed, "the shape \(entry.shape) is larger than any memory", tensor: name)
      }
      size = product
    }
    guard entry.begin <= entry.end else {
      throw CheckpointError(.malformed, "data_offsets [\(entry.begin), \(entry.end)] run backwards", tensor: name)
    }
    guard entry.end <= data.count else {
      throw CheckpointError(
        .truncated, "data_offsets [\(entry.begin), \(entry.end)] reach beyond the \(data.count) bytes of data",
        tensor: name)
    }
    guard entry.end - entry.begin == size else {
      throw CheckpointError(
        .malformed,
        "\(type.rawValue) of shape \(entry.shape) takes \(size) bytes, but data_offsets give \(entry.end - entry.begin)",
        tensor: name)
    }
    return TensorDescription(
      type: type, shape: entry.shape, bytes: data.lowerBound + entry.begin..<data.lowerBound + entry.end)
  }
}
