import StayposCore
import SystemPackage

extension Configuration {
  /// What one file alone cannot get wrong: the values against each other.
  func validate(_ file: FilePath) throws(ConfigurationError) {
    func refuse(_ message: String) -> ConfigurationError { ConfigurationError(file: file, message: message) }

    if watch.isEmpty {
      throw refuse("nothing to watch: add a [[watch]] table with the `path` of an upload directory")
    }
    for (index, root) in watch.enumerated() where watch[..<index].contains(where: { $0.path == root.path }) {
      throw refuse("\(root.path.escaped) is watched twice: remove one of the two [[watch]] tables")
    }
    // What the daemon itself writes must not look like an upload.
    for root in watch {
      for (own, key) in [(quarantine.directory, "[quarantine] directory"), (stateDirectory, "[state] directory")]
      where own == root.path || root.path.starts(with: own) {
        throw refuse("[[watch]] \(root.path.escaped) lies inside \(key) \(own.escaped): move one of them")
      }
    }
  }

  /// Settings that a running daemon cannot change, with their names in the file.
  func settingsThatNeedRestart(comparedTo other: Configuration) -> [String] {
    var names: [String] = []
    if stateDirectory != other.stateDirectory { names.append("state.directory") }
    if quarantine.directory != other.quarantine.directory { names.append("quarantine.directory") }
    if control.socket != other.control.socket { names.append("control.socket") }
    if control.adminGroup != other.control.adminGroup { names.append("control.admin_group") }
    if detector.workers != other.detector.workers { names.append("detector.workers") }
    return names
  }
}
