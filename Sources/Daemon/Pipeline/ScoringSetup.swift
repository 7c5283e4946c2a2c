import Filesystem
import FoundationEssentials
import Glibc
import Scoring
import StayposCore
import SystemPackage

/// How images are scored at present: replaced as a whole by a reload.
package struct ScoringSetup: Sendable {
  /// Tells a worker that its scorer is out of date.
  package var generation = 0
  package var configuration: ScorerConfiguration
  package var source: ModelSource
  package var model: ScorerModel
  package var sandbox: SandboxReport
  /// A scan may stop when its image is certain to be flagged.
  package var earlyExit = false

  /// Opens the model and lets a scorer load it, so that a bad model is known before it is in use.
  /// - Parameter interruption: for whoever cannot wait for it; nil: nobody interrupts.
  /// - Throws: a message for the administrator.
  package static func load(
    _ detector: Configuration.Detector, interruption: ScorerInterruption? = nil
  ) throws(StartError) -> ScoringSetup {
    // An image that needs more is `out-of-memory`, and the rest of the machine goes on.
    let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory / 4 * 3)
    let configuration = ScorerConfiguration(
      executable: try scorerExecutable(), precision: detector.precision, threads: detector.threadCount,
      limits: detector.limits, timeout: detector.timeout, memoryLimit: memory / detector.workerCount)
    let source: ModelSource
    do {
      source = try ModelSource(path: detector.model)
    } catch {
      throw StartError("detector.model: \(error)", cause: .configuration)
    }
    do {
      let scorer = Scorer(configuration, model: source, interruption: try interruption ?? ScorerInterruption())
      defer { scorer.stop() }
      let hello = try scorer.start()
      return ScoringSetup(
        configuration: configuration, source: source, model: hello.model, sandbox: hello.sandbox,
        earlyExit: detector.earlyExit)
    } catch ScorerFailure.interrupted {
      throw StartError("detector.model \(detector.model.escaped) was not loaded: the daemon stops")
    } catch ScorerFailure.modelRejected(let message) {
      throw StartError("detector.model \(detector.model.escaped): \(message)", cause: .configuration)
    } catch {
      throw StartError("detector.model \(detector.model.escaped): \(error)")
    }
  }

  /// Beside the running executable (a build folder), else `../libexec/staypos/` of where it is installed.
  private static func scorerExecutable() throws(StartError) -> FilePath {
    guard let own = try? FilePath("/proc/self/exe").readingSymbolicLink() else {
      throw StartError("/proc is not mounted: mount it, staypos-scorer is looked for beside this program")
    }
    let directory = own.removingLastComponent()
    let places = [
      directory.appending("staypos-scorer"),
      directory.removingLastComponent().appending("libexec/staypos/staypos-scorer"),
    ]
    for place in places where place.withPlatformString({ access($0, X_OK) }) == 0 { return place }
    throw StartError("staypos-scorer is neither at \(places.map(\.escaped).joined(separator: " nor at ")): install it")
  }
}
