import ArgumentParser
import Glibc
import Hashing
import StayposCore
import SystemPackage

struct Allow: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name contents that are clear without scoring.",
    subcommands: [AllowAdd.self, AllowRemove.self, AllowList.self])

  /// For arguments: 64 hexadecimal digits as they are, anything else is a file whose content is meant.
  static func digest(_ text: String) throws -> SHA256Digest {
    if let digest = SHA256Digest(text) { return digest }
    let path = try FilePath(checkedArgument: text)
    do throws(Errno) {
      let file = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
      guard file >= 0 else { throw Errno(rawValue: errno) }
      defer { close(file) }
      return try SHA256Digest(contentsOf: file)
    } catch {
      throw ValidationError("'\(path.escaped)' is no SHA-256, and as a file it cannot be read: \(error)")
    }
  }
}
