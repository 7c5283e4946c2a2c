/// Every method of `io.staypos.Control`, and who may call it.
package enum ControlMethod: String, Sendable, CaseIterable {
  case getStatus = "GetStatus"
  case getThreshold = "GetThreshold"
  case setThreshold = "SetThreshold"
  case resetThreshold = "ResetThreshold"
  case pause = "Pause"
  case resume = "Resume"
  case reload = "Reload"
  case rescan = "Rescan"
  case submit = "Submit"
  case listQueue = "ListQueue"
  case listHistory = "ListHistory"
  case getHistory = "GetHistory"
  case listQuarantine = "ListQuarantine"
  case getQuarantine = "GetQuarantine"
  case restoreQuarantine = "RestoreQuarantine"
  case deleteQuarantine = "DeleteQuarantine"
  case addAllow = "AddAllow"
  case removeAllow = "RemoveAllow"
  case listAllow = "ListAllow"
  case monitor = "Monitor"

  package enum Right: Sendable {
    /// Everybody who can connect.
    case read
    /// root, the daemon's own user and the members of `admin_group`.
    case change
  }

  package var right: Right {
    switch self {
    case .getStatus, .getThreshold, .listQueue, .listHistory, .getHistory, .listQuarantine, .getQuarantine, .listAllow,
      .monitor:
      .read
    case .setThreshold, .resetThreshold, .pause, .resume, .reload, .rescan, .submit, .restoreQuarantine,
      .deleteQuarantine, .addAllow, .removeAllow:
      .change
    }
  }

  package var qualifiedName: String { "\(ControlInterface.name).\(rawValue)" }
}
