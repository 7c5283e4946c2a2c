import SystemPackage

@testable import Checkpoints

extension FuzzTarget {
  /// The input is a file of PyTorch (or of safetensors, told by content); what is none is the pickle in one.
  static let checkpoint = FuzzTarget("checkpoint") { input in
    let isFile = TorchFile.isZip(input) || TorchFile.isLegacy(input) || input.dropFirst(8).first == UInt8(ascii: "{")
    let descriptor = MemoryFile.holding(isFile ? input : legacyStart + input)
    guard let checkpoint = try? Checkpoint(path: FilePath("/proc/self/fd/\(descriptor)")) else { return true }
    for tensor in checkpoint.tensors {
      require(tensor.shape.allSatisfy { $0 >= 0 }, "\(tensor)")
      guard let bytes = try? checkpoint.bytes(of: tensor) else { continue }
      require(bytes.count == tensor.count * tensor.type.size, "\(bytes.count) bytes for \(tensor)")
      if let floats = try? checkpoint.floats(of: tensor) {
        require(floats.count == tensor.count, "\(floats.count) values for \(tensor)")
      }
    }
    return true
  }
}

/// Magic number, version and byte order as the older format begins with: it has no check sums.
private let legacyStart: [UInt8] = [
  0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,  // LONG1
  0x80, 0x02, 0x4D, 0xE9, 0x03, 0x2E,  // BININT2 1001
  0x80, 0x02, 0x7D, 0x2E,  // an empty dictionary
]
