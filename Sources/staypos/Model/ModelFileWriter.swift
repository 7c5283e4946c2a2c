import Checkpoints
import Detection
import Glibc
import StayposCore
import SystemPackage

/// Puts a model file in its place only when it has been read back and is in order.
enum ModelFileWriter {
  /// - Parameters:
  ///   - file: gone when this returns: a model is large.
  ///   - path: is replaced if it exists.
  /// - Returns: what was read back.
  static func write(_ file: consuming SafetensorsWriter, to path: FilePath) throws -> Model {
    let temporary = path.removingLastComponent().appending(".staypos-\(getpid()).partial")
    do {
      try write(file, at: temporary)
      let model = try Model(path: temporary)
      let renamed = temporary.withPlatformString { from in path.withPlatformString { to in rename(from, to) } }
      guard renamed == 0 else { throw Failure("cannot write \(path.escaped): \(Errno(rawValue: errno))") }
      return model
    } catch {
      _ = temporary.withPlatformString { unlink($0) }
      throw error
    }
  }

  private static func write(_ file: consuming SafetensorsWriter, at path: FilePath) throws {
    try file.write(to: path)
  }
}
