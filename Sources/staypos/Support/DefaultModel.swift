import Glibc
import StayposCore
import SystemPackage

/// Where the model is when nobody names one.
enum DefaultModel {
  static let name: FilePath = "default.safetensors"

  /// In this order: `STAYPOS_MODEL`; beside the installed executable, in `../share/staypos/models`; `Models` of a source
  /// tree, searched from the executable upwards, then from the working directory upwards.
  static func find() throws -> FilePath {
    if let pointer = getenv("STAYPOS_MODEL"), pointer.pointee != 0 { return FilePath(platformString: pointer) }
    let candidates = self.candidates(executable: executable, workingDirectory: workingDirectory)
    if let found = candidates.first(where: isReadable) { return found }
    throw Failure(
      "there is no default model (looked for \(candidates.prefix(2).map(\.escaped).joined(separator: ", ")) and Models/"
        + "\(name) upwards from there and from the working directory): name one with --model FILE or in STAYPOS_MODEL")
  }

  static func candidates(executable: FilePath?, workingDirectory: FilePath?) -> [FilePath] {
    var candidates: [FilePath] = []
    if let executable {
      let prefix = executable.removingLastComponent().removingLastComponent()
      candidates.append(prefix.appending("share/staypos/models").pushing(name))
    }
    for start in [executable?.removingLastComponent(), workingDirectory] {
      guard var directory = start else { continue }
      repeat {
        let candidate = directory.appending("Models").pushing(name)
        if !candidates.contains(candidate) { candidates.append(candidate) }
      } while directory.removeLastComponent()
    }
    return candidates
  }

  private static var executable: FilePath? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard readlink("/proc/self/exe", &buffer, Int(PATH_MAX)) > 0 else { return nil }
    return FilePath(platformString: buffer)
  }

  private static var workingDirectory: FilePath? {
    guard let pointer = getcwd(nil, 0) else { return nil }
    defer { free(pointer) }
    return FilePath(platformString: pointer)
  }

  private static func isReadable(_ path: FilePath) -> Bool {
    path.withPlatformString { access($0, R_OK) } == 0
  }
}
