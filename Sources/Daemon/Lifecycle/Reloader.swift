import Cataloguing
import ControlInterface
import Filesystem
import Quarantining
import Scoring
import StayposCore
import Synchronization
import SystemPackage
import Watching

/// Reads the configuration again and applies it as a whole, or not at all.
final class Reloader: Sendable {
  private let file: FilePath
  private let current: Mutex<Configuration>
  private let context: PipelineContext
  private let pipeline: Pipeline
  private let watcher: Watcher
  private let retention: Retention
  private let interruption: ScorerInterruption

  init(
    file: FilePath, configuration: Configuration, context: PipelineContext, pipeline: Pipeline, watcher: Watcher,
    retention: Retention
  ) throws(FilesystemError) {
    interruption = try ScorerInterruption()
    self.file = file
    current = Mutex(configuration)
    self.context = context
    self.pipeline = pipeline
    self.watcher = watcher
    self.retention = retention
  }

  /// Ends the loading of a model, and lets no other begin: a stop need not wait for it.
  func stop() {
    interruption.request()
  }

  /// Blocks while the model is loaded. A failure keeps everything as it is, and shows in `status` until a reload works.
  func reload() throws(ControlFailure) {
    do {
      try current.withLock { current throws(StartError) in
        let new: Configuration
        do {
          new = try Configuration.load(file)
        } catch {
          throw StartError("\(error)")
        }
        try apply(new, insteadOf: current)
        current = new
      }
    } catch {
      let message = "the configuration stays as it was: \(error)"
      context.events.record(Event(.reloadFailed, .error, message))
      context.degradations.raise("configuration", "\(error)", remedy: "correct it and reload")
      throw .refused(message)
    }
    context.degradations.clear("configuration")
    context.events.record(Event(.reloaded, .notice, "configuration reloaded", threshold: context.policy.threshold))
  }

  private func apply(_ new: Configuration, insteadOf old: Configuration) throws(StartError) {
    let fixed = new.settingsThatNeedRestart(comparedTo: old)
    guard fixed.isEmpty else {
      throw StartError("\(fixed.joined(separator: ", ")) cannot change while the daemon runs: restart it")
    }
    // The model is loaded even if its path is the same: the file may be another one now.
    var setup = try ScoringSetup.load(new.detector, interruption: interruption)
    setup.generation = pipeline.setup.generation + 1
    // Before anything that lets files go on: what is watched no longer is not touched any more.
    context.setRoots(new.watch.map(\.root))
    pipeline.replaceSetup(setup)
    context.changePolicy { policy in
      policy.modelThreshold = setup.model.threshold
      policy.fileThreshold = new.detector.threshold
      policy.mode = new.mode
    }
    context.quarantine.setMaxBytes(new.quarantine.maxBytes)
    context.roomWasMade()
    // What could not be moved may be movable now.
    context.retryWaiting()
    retention.setLimits(new.retention)
    if new.watch != old.watch { watcher.replace(roots: new.watch.map(\.root)) }
  }
}
