import FoundationEssentials

@testable import Checkpoints

extension FuzzTarget {
  /// The input is a file; beyond that, a header for which the file's first eight bytes are made up.
  static let safetensors = FuzzTarget("safetensors") { input in
    checkFile(input)
    guard input.first == UInt8(ascii: "{") else { return input.count > 8 }
    checkHeader(input)
    return true
  }
}

private func checkFile(_ input: [UInt8]) {
  guard let file = try? SafetensorsFile(descriptor: MemoryFile.holding(input)) else { return }
  var writer = SafetensorsWriter(metadata: file.metadata)
  for (name, tensor) in file.tensors {
    let bytes = file.bytes(of: tensor)
    require(bytes.count == tensor.count * tensor.type.size, "\(bytes.count) bytes for \(tensor)")
    if let floats = try? file.floats(name) {
      require(floats.count == tensor.count, "\(floats.count) values for \(tensor)")
    }
    do {
      try writer.add(name, type: tensor.type, shape: tensor.shape, bytes: bytes)
    } catch {
      fatalError("what was read cannot be written: \(error)")
    }
  }
  guard let copy = try? SafetensorsFile(descriptor: MemoryFile.holding(writer.serialized())) else {
    fatalError("what was written cannot be read")
  }
  require(copy.metadata == file.metadata && copy.tensors.keys == file.tensors.keys, "the copy is another file")
}

/// What we take for JSON, others do too, and read the same in it.
private func checkHeader(_ text: [UInt8]) {
  var parser = SafetensorsHeaderParser(text: text)
  guard let header = try? parser.parse() else { return }
  guard let reference = try? JSONDecoder().decode([String: Member].self, from: Data(text)) else {
    fatalError("not JSON to Foundation")
  }
  for (name, member) in reference {
    if name == "__metadata__" {
      require(member.strings == header.metadata, "other metadata than Foundation's")
    } else {
      require(
        header.tensors[name].map { [$0.begin, $0.end] } == member.offsets, "other tensors than Foundation's: \(name)")
    }
  }
  let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
  let data = header.tensors.values.map(\.end).max() ?? 0
  checkFile(length + text + [UInt8](repeating: 7, count: min(data, 1 << 16)))
}

private struct Member: Decodable {
  var strings: [String: String]?
  var offsets: [Int]?

  init(from decoder: any Decoder) throws {
    strings = try? [String: String](from: decoder)
    if strings == nil { offsets = try decoder.container(keyedBy: Key.self).decode([Int].self, forKey: .data_offsets) }
  }

  private enum Key: CodingKey { case data_offsets }
}
