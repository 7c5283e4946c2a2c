import SystemPackage

@testable import Daemon

extension FuzzTarget {
  /// The input is `stayposd.toml`, read by name as the daemon does.
  static let configuration = FuzzTarget("configuration") { input in
    let file = FilePath("/proc/self/fd/\(MemoryFile.holding(input))")
    do throws(ConfigurationError) {
      let configuration = try Configuration.load(file)
      require(!configuration.watch.isEmpty, "nothing to watch")
      require(configuration.watch.allSatisfy { $0.path.isAbsolute }, "a path that is not absolute")
      require(configuration.settingsThatNeedRestart(comparedTo: configuration).isEmpty, "it differs from itself")
    } catch {
      require(!"\(error)".isEmpty, "an error without words")
      require(error.line.map { $0 > 0 } ?? true && error.column.map { $0 > 0 } ?? true, "\(error)")
    }
    return true
  }
}
