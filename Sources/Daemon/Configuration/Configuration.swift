import StayposCore
import SystemPackage
import Watching

/// What the administrator decided: `stayposd.toml(5)`, checked and with every default filled in.
package struct Configuration: Sendable, Equatable {
  package var watch: [Watch] = []
  package var detector = Detector()
  package var mode: PolicyMode = .enforce
  package var quarantine = Quarantine()
  package var stateDirectory: FilePath = "/var/lib/staypos"
  /// Of the history of verdicts; 0: keep for ever.
  package var historyDays = 365
  package var control = Control()

  package struct Watch: Sendable, Equatable {
    package var path: FilePath
    package var recursive = true
    /// Globs on the file name; empty: decide by content.
    package var include: [String] = []
    package var settle: Duration = .milliseconds(500)

    var root: WatchRoot { WatchRoot(path: path, recursive: recursive, include: include, settle: settle) }
  }

  package struct Detector: Sendable, Equatable {
    package var model: FilePath = "/usr/share/staypos/models/default.safetensors"
    /// nil: the model's own.
    package var threshold: Threshold?
    package var precision: Precision = .auto
    /// Stop a scan when its image is certain to be flagged.
    package var earlyExit = false
    /// 0: one per core.
    package var workers = 0
    package var timeout: Duration = .seconds(120)
    package var limits = ImageLimits()
  }

  package struct Quarantine: Sendable, Equatable {
    package var directory: FilePath = "/var/lib/staypos/quarantine"
    /// 0: no limit.
    package var maxBytes: Int64 = 0
    /// 0: keep for ever.
    package var retentionDays = 0
  }

  package struct Control: Sendable, Equatable {
    package var socket: FilePath = "/run/staypos/control.sock"
    package var adminGroup = "staypos"
  }
}
