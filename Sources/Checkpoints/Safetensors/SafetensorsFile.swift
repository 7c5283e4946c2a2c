import Glibc
import SystemPackage

/// Named tensors in a safetensors file, read through a memory map. Everything the header says is checked before the
/// first value is read.
package final class SafetensorsFile: Sendable {
  /// nil if the file came as a descriptor without a name.
  package let path: FilePath?
  /// `__metadata__`; empty if there is none.
  package let metadata: [String: String]
  package let tensors: [String: TensorDescription]

  private let mapping: FileMapping

  /// Follows symbolic links; does not wait for the other end of a FIFO.
  package convenience init(path: FilePath) throws(CheckpointError) {
    let descriptor = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
    guard descriptor >= 0 else {
      throw CheckpointError(.system, "cannot open the file", file: path, errno: Errno(rawValue: errno))
    }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, path: path)
  }

  /// - Parameters:
  ///   - descriptor: open for reading; borrowed, and may be closed afterwards.
  ///   - path: for error messages only.
  package init(descriptor: CInt, path: FilePath? = nil) throws(CheckpointError) {
    do throws(CheckpointError) {
      let mapping = try FileMapping(descriptor: descriptor)
      let header = try SafetensorsHeader(file: mapping.bytes)
      self.path = path
      self.metadata = header.metadata
      self.tensors = header.tensors
      self.mapping = mapping
    } catch {
      throw error.about(path)
    }
  }

  /// The whole file, for its hash. The pointer must not leave `body`.
  package func withFileBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(mapping.bytes)
  }

  /// A tensor's values as they are in the file.
  package func bytes(of tensor: TensorDescription) -> [UInt8] {
    Array(mapping.bytes[tensor.bytes])
  }

  /// The values of a tensor in row-major order. F32, F16 and BF16 exactly; F64 rounded to the nearest (infinite beyond
  /// the range of Float).
  package func floats(_ name: String) throws(CheckpointError) -> [Float] {
    guard let tensor = tensors[name] else {
      throw CheckpointError(.missingTensor, "is not in the file", file: path, tensor: name)
    }
    let bytes = UnsafeRawBufferPointer(rebasing: mapping.bytes[tensor.bytes])
    guard let floats = tensor.type.floats(bytes) else {
      throw CheckpointError(
        .unsupportedType, "holds \(tensor.type.rawValue), not floating-point numbers", file: path, tensor: name)
    }
    return floats
  }
}
