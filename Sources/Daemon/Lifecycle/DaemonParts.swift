import Cataloguing
import ControlInterface
import ControlServer
import Filesystem
import Glibc
import Journaling
import Quarantining
import Scoring
import StayposCore
import SystemPackage
import Watching

/// The stages of a running daemon, joined. Made in the order journal → catalogue → pipeline → control → watcher, so that
/// what receives is there before what sends.
final class DaemonParts: Sendable {
  let events: EventHub
  let degradations: DegradationBoard
  let context: PipelineContext
  let pipeline: Pipeline
  let intake: Intake
  let watcher: Watcher
  let reloader: Reloader
  let control: ControlServer
  let retention: Retention

  /// Starts nothing but the loading of the model.
  init(_ configuration: Configuration, file: FilePath, journal: EventLog) throws(StartError) {
    let passed = PassedDescriptors.take()
    events = EventHub(journal: journal)
    degradations = DegradationBoard(events: events)

    // First: a start that fails for its configuration leaves nothing behind.
    let setup = try ScoringSetup.load(configuration.detector)
    let catalogue: Catalogue
    let quarantine: Quarantine
    let runtimeThreshold: Threshold?
    let isPaused: Bool
    do {
      try Self.createDirectory(configuration.stateDirectory, "state.directory")
      catalogue = try Catalogue(directory: configuration.stateDirectory)
      quarantine = try Quarantine(
        directory: configuration.quarantine.directory, maxBytes: configuration.quarantine.maxBytes)
      runtimeThreshold = try catalogue.setting(.threshold)
      isPaused = try catalogue.setting(.paused) ?? false
    } catch let error as StartError {
      throw error
    } catch {
      throw StartError("\(error)")
    }
    context = PipelineContext(
      catalogue: catalogue, quarantine: quarantine, events: events, degradations: degradations,
      policy: PolicyState(
        modelThreshold: setup.model.threshold, fileThreshold: configuration.detector.threshold,
        runtimeThreshold: runtimeThreshold, mode: configuration.mode),
      roots: configuration.watch.map(\.root))
    let missing = setup.sandbox.missing
    if !missing.isEmpty {
      degradations.raise(
        "sandbox", "scorers run without \(missing.joined(separator: ", "))", remedy: "use a kernel that has it")
    }
    try Recovery(context: context).run()

    let pipeline = try Pipeline(
      context: context, setup: setup, workers: configuration.detector.workerCount, isPaused: isPaused)
    let intake = Intake(context: context) { pipeline.wake() }
    do {
      watcher = try Watcher(
        roots: configuration.watch.map(\.root), excluding: configuration.ownDirectories,
        store: ServiceNotifier.hasManager ? ServiceWatchStore(passed: passed) : nil
      ) {
        intake.receive($0)
      }
      retention = Retention(context: context, limits: configuration.retention)
      reloader = try Reloader(
        file: file, configuration: configuration, context: context, pipeline: pipeline, watcher: watcher,
        retention: retention)
    } catch {
      throw StartError("\(error)")
    }
    let reloader = reloader
    let service = DaemonControl(
      context: context, pipeline: pipeline, watcher: watcher, excluding: configuration.ownDirectories
    ) {
      () throws(ControlFailure) in try reloader.reload()
    }
    self.pipeline = pipeline
    self.intake = intake
    let group = configuration.control.adminGroup
    let adminGroup = ControlServer.groupID(named: group)
    if adminGroup == nil {
      // Not a degradation: a daemon without a service has no such group, and whoever started it has all rights.
      events.record(
        Event(
          .degraded, .warning,
          "control.admin_group: there is no group \(group): only root and the daemon's own user may change anything; "
            + "create it and restart the daemon"))
    }
    do {
      control = try ControlServer(
        listener: Self.listener(configuration.control, passed), service: service, feed: events.feed,
        configuration: .init(version: StayposVersion.current, adminGroup: adminGroup))
    } catch {
      throw StartError("\(error)")
    }
    passed.closeRest()
  }

  /// One line for `systemctl status`.
  func summary() -> String {
    let policy = context.policy
    let roots = watcher.status.roots.count
    return "watching \(roots) \(roots == 1 ? "directory" : "directories"), threshold \(policy.threshold) "
      + "(\(policy.origin.rawValue)), \(policy.mode.rawValue), model \(pipeline.setup.model.name)"
  }

  private static func listener(
    _ control: Configuration.Control, _ passed: PassedDescriptors
  ) throws(ControlServerError) -> ControlListener {
    if let activated = passed.socket(named: "control") {
      return ControlListener(activated: Descriptor(owning: activated))
    }
    return try ControlListener(path: control.socket)
  }

  /// A directory for the daemon alone; its parent has to exist.
  private static func createDirectory(_ path: FilePath, _ key: String) throws(StartError) {
    guard path.withPlatformString({ mkdir($0, 0o700) }) == 0 || errno == EEXIST else {
      throw StartError("\(key): cannot create \(path.escaped): \(Errno(rawValue: errno)); create it for this user")
    }
  }
}

extension Configuration {
  /// What the daemon itself writes to: never looked at for uploads.
  var ownDirectories: [FilePath] { [quarantine.directory, stateDirectory] }

  var retention: Retention.Limits {
    Retention.Limits(quarantineDays: quarantine.retentionDays, historyDays: historyDays)
  }
}

extension Configuration.Detector {
  /// One per processor, unless the file says otherwise.
  var workerCount: Int { workers > 0 ? workers : Processors.available }

  /// Of an image that is alone: as many processors as images could have together, but no more than pay for one: each
  /// scorer keeps its threads.
  var threadCount: Int { min(workerCount, Processors.available, 8) }
}
