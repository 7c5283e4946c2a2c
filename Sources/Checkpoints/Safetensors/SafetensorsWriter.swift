import SystemPackage

/// Collects named tensors and writes them as a safetensors file. The same input gives the same bytes: wider types come
/// first, so that every tensor is aligned to its elements, then names in the order of their UTF-8 bytes.
package struct SafetensorsWriter {
  package var metadata: [String: String]
  private var tensors: [String: Tensor] = [:]

  private struct Tensor {
    var type: ElementType
    var shape: [Int]
    var bytes: [UInt8]
  }

  package init(metadata: [String: String] = [:]) {
    self.metadata = metadata
  }

  /// - Parameter bytes: row-major, little-endian.
  package mutating func add(
    _ name: String, type: ElementType, shape: [Int], bytes: [UInt8]
  ) throws(CheckpointError) {
    guard name != "__metadata__" else {
      throw CheckpointError(.invalidInput, "the format keeps this name for itself", tensor: name)
    }
    var size = type.size
    for dimension in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflow else {
        throw CheckpointError(.invalidInput, "impossible shape \(shape)", tensor: name)
      }
      size = product
    }
    guard size == bytes.count else {
      throw CheckpointError(
        .invalidInput, "\(type.rawValue) of shape \(shape) takes \(size) bytes, not \(bytes.count)", tensor: name)
    }
    guard tensors.updateValue(Tensor(type: type, shape: shape, bytes: bytes), forKey: name) == nil else {
      throw CheckpointError(.invalidInput, "added twice", tensor: name)
    }
  }

  /// Adds an F32 tensor, values in row-major order.
  package mutating func add(_ name: String, shape: [Int], floats: [Float]) throws(CheckpointError) {
    let bytes = [UInt8](unsafeUninitializedCapacity: floats.count * 4) { buffer, initialized in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      for (index, value) in floats.enumerated() {
        raw.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: index * 4, as: UInt32.self)
      }
      initialized = floats.count * 4
    }
    try add(name, type: .float32, shape: shape, bytes: bytes)
  }

  /// The file's bytes.
  package func serialized() -> [UInt8] {
    let (header, order) = layout()
    var file = header
    file.reserveCapacity(header.count + order.reduce(0) { $0 + $1.bytes.count })
    for tensor in order { file += tensor.bytes }
    return file
  }

  /// Writes beside `path`, syncs, and renames over it: whoever has the old file mapped keeps it.
  package func write(to path: FilePath, permissions: FilePermissions = .readableModel) throws(CheckpointError) {
    try partial(path, permissions).commit()
  }

  /// The same.
  /// - Parameter check: of what was written, before it takes the other's place; what it throws leaves the old file.
  /// - Throws: what `check` throws, or ``CheckpointError``.
  package func write<Checked>(
    to path: FilePath, permissions: FilePermissions = .readableModel, check: (_ written: FilePath) throws -> Checked
  ) throws -> Checked {
    let replacement = try partial(path, permissions)
    let checked = try check(replacement.partial)
    try replacement.commit()
    return checked
  }

  /// All of it, on the disk, but not in its place.
  private func partial(
    _ path: FilePath, _ permissions: FilePermissions
  ) throws(CheckpointError) -> FileReplacement {
    let (header, order) = layout()
    let replacement = try FileReplacement(of: path, permissions: permissions)
    try replacement.write(header)
    for tensor in order { try replacement.write(tensor.bytes) }
    try replacement.sync()
    return replacement
  }

  /// Length, JSON and padding to a multiple of 8, and the tensors in the order of their data.
  private func layout() -> (header: [UInt8], order: [Tensor]) {
    let ordered = tensors.sorted { left, right in
      guard left.value.type.size == right.value.type.size else { return left.value.type.size > right.value.type.size }
      return left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
    }
    var members: [String] = []
    if !metadata.isEmpty {
      let entries = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      members.append(
        "\"__metadata__\":{" + entries.map { json($0.key) + ":" + json($0.value) }.joined(separator: ",") + "}")
    }
    var offset = 0
    for (name, tensor) in ordered {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.bytes.count
      members.append(
        json(name)
          + ":{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    return (length + text, ordered.map(\.value))
  }

  private func json(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"", "\\": text += "\\\(scalar)"
      case "\0"..<" ": text += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

extension FilePermissions {
  /// Of what a model or checkpoint is written with.
  package static var readableModel: FilePermissions { [.ownerReadWrite, .groupRead, .otherRead] }
}
