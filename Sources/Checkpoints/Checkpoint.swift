import SystemPackage

/// A file of named tensors in any of the formats that networks are published in. No code in it is ever executed, and no
/// more of it is read than is asked for.
package final class Checkpoint: Sendable {
  package enum Format: String, Sendable {
    case safetensors
    /// `torch.save` since PyTorch 1.6.
    case pytorchZip = "pytorch-zip"
    /// `torch.save` before that.
    case pytorchLegacy = "pytorch-legacy"
    /// `torch.jit.save`; its code is ignored.
    case torchScript = "torchscript"
  }

  package struct Tensor: Hashable, Sendable {
    /// Keys and list positions on the way to it, joined with dots.
    package let name: String
    package let type: ElementType
    /// Outermost dimension first; empty for a scalar.
    package let shape: [Int]
    /// Index in the list of the file's own kind.
    fileprivate let index: Int

    /// Product of the dimensions; 1 for a scalar.
    package var count: Int { shape.reduce(1, *) }
  }

  private enum Content {
    case safetensors(SafetensorsFile)
    case torch(TorchFile)
  }

  package let path: FilePath
  package let format: Format
  /// In the file's order.
  package let tensors: [Tensor]
  /// Numbers and strings beside the tensors: the epoch, or a safetensors file's metadata.
  package let attributes: [(name: String, value: String)]
  private let content: Content

  /// Follows symbolic links. The format is told by the content.
  package init(path: FilePath) throws(CheckpointError) {
    self.path = path
    do throws(CheckpointError) {
      let file = try FileReader(path: path)
      let start = try file.read(0..<min(file.size, 512))
      if TorchFile.isZip(start) || TorchFile.isLegacy(start) {
        let torch = try TorchFile.isZip(start) ? TorchFile(zip: file) : TorchFile(legacy: file)
        format =
          switch torch.format {
          case .zip: .pytorchZip
          case .legacy: .pytorchLegacy
          case .script: .torchScript
          }
        tensors = torch.listing.tensors.map { entry in
          let tensor = torch.heap.tensors[entry.tensor]
          return Tensor(name: entry.name, type: torch.type(of: tensor), shape: tensor.shape, index: entry.tensor)
        }
        attributes = torch.listing.attributes
        content = .torch(torch)
      } else if let other = Self.otherKind(start) {
        throw CheckpointError(.unsupportedFormat, other)
      } else {
        // The length of the header, then the header.
        guard start.dropFirst(8).first == UInt8(ascii: "{") else {
          throw CheckpointError(.unsupportedFormat, "is neither a file of PyTorch nor a safetensors file")
        }
        let file = try SafetensorsFile(path: path)
        format = .safetensors
        let ordered = file.tensors.sorted { ($0.value.bytes.lowerBound, $0.key) < ($1.value.bytes.lowerBound, $1.key) }
        tensors = ordered.enumerated().map {
          Tensor(name: $1.key, type: $1.value.type, shape: $1.value.shape, index: $0)
        }
        attributes = file.metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        content = .safetensors(file)
      }
    } catch {
      throw error.about(path)
    }
  }

  /// Little-endian, in row-major order.
  /// - Parameter tensor: one of ``tensors``.
  package func bytes(of tensor: Tensor) throws(CheckpointError) -> [UInt8] {
    switch content {
    case .safetensors(let file):
      guard let description = file.tensors[tensor.name] else { return [] }
      return file.bytes(of: description)
    case .torch(let file):
      do throws(CheckpointError) {
        return try file.bytes(of: file.heap.tensors[tensor.index])
      } catch {
        var error = error.about(path)
        error.tensor = tensor.name
        throw error
      }
    }
  }

  /// In row-major order. F32, F16 and BF16 exactly; F64 rounded to the nearest.
  /// - Parameter tensor: one of ``tensors``.
  package func floats(of tensor: Tensor) throws(CheckpointError) -> [Float] {
    guard let floats = try bytes(of: tensor).withUnsafeBytes({ tensor.type.floats($0) }) else {
      throw CheckpointError(
        .unsupportedType, "holds \(tensor.type.rawValue), not floating-point numbers", file: path, tensor: tensor.name)
    }
    return floats
  }

  /// What people take for a checkpoint by mistake, and what to do.
  private static func otherKind(_ start: [UInt8]) -> String? {
    let text = String(decoding: start.prefix(64), as: UTF8.self).lowercased()
    if start.isEmpty { return "is empty" }
    if text.hasPrefix("version https://git-lfs") {
      return "is a pointer of Git LFS: fetch the file itself (git lfs pull)"
    }
    if text.hasPrefix("<!doctype") || text.hasPrefix("<html") { return "is a web page: the download went wrong" }
    if start.starts(with: [0x80]) { return "is a pickle, but no checkpoint of PyTorch: its magic number is missing" }
    if start.starts(with: [0x1F, 0x8B]) { return "is compressed with gzip: unpack it" }
    if start.starts(with: [0x89, 0x48, 0x44, 0x46]) { return "is an HDF5 file (Keras), which is not supported" }
    if start.dropFirst(257).starts(with: Array("ustar".utf8)) {
      return "is a tar archive (PyTorch before 0.1.10, or a packed download): unpack it or save it again with PyTorch"
    }
    return nil
  }
}
