import Filesystem
import FoundationEssentials
import Hashing
import StayposCore
import SystemPackage

/// What aligned fakes were made with, kept beside them: pairs of several autoencoders or noises must not be mixed up.
struct AlignmentSettings: Codable, Equatable {
  /// SHA-256 of the files.
  var encoder: SHA256Digest
  var decoder: SHA256Digest
  var latentNoise: Double
  /// Nil without noise: nothing depends on it then.
  var seed: UInt64?

  static let name = "alignment.json"

  init(encoder: FilePath, decoder: FilePath, latentNoise: Double, seed: UInt64) throws {
    self.encoder = try Self.digest(encoder)
    self.decoder = try Self.digest(decoder)
    self.latentNoise = latentNoise
    self.seed = latentNoise > 0 ? seed : nil
  }

  private static func digest(_ path: FilePath) throws -> SHA256Digest {
    do {
      let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      return try file.closeAfter { try SHA256Digest(contentsOf: file.rawValue) }
    } catch {
      throw Failure("cannot read \(path.escaped): \(error)")
    }
  }

  /// Before the first pair: writes them down, or compares them with what is there.
  /// - Throws: if the directory holds pairs that were made otherwise, or nobody knows how.
  func claim(_ directory: FilePath) throws {
    let path = directory.appending(Self.name)
    guard ["0_real", "1_fake"].contains(where: { FileWalk.isDirectory(directory.appending($0)) }) else {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      try OutputDirectory.write([(Self.name, Array(try encoder.encode(self)) + Array("\n".utf8))], to: directory)
      return
    }
    let advice = "name another --output, or remove \(directory.escaped)"
    guard let bytes = try contents(path) else {
      throw Failure("\(directory.escaped) has pairs, but no \(Self.name) that says how they were made: \(advice)")
    }
    guard let found = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
      throw Failure("\(path.escaped) is damaged: nobody knows how the pairs beside it were made: \(advice)")
    }
    guard found == self else {
      throw Failure(
        "the pairs in \(directory.escaped) were made with \(difference(from: found)): \(advice)")
    }
  }

  private func difference(from found: Self) -> String {
    var parts: [String] = []
    if found.encoder != encoder { parts.append("another encoder (SHA-256 \(found.encoder))") }
    if found.decoder != decoder { parts.append("another decoder (SHA-256 \(found.decoder))") }
    if found.latentNoise != latentNoise { parts.append("--latent-noise \(found.latentNoise)") }
    if let seed = found.seed, seed != self.seed { parts.append("--seed \(seed)") }
    return parts.joined(separator: " and ")
  }

  /// Nil if there is no such file.
  private func contents(_ path: FilePath) throws -> [UInt8]? {
    do {
      return try path.contents(limit: 1 << 16)
    } catch Errno.noSuchFileOrDirectory {
      return nil
    } catch {
      throw Failure("cannot read \(path.escaped): \(error)")
    }
  }
}
