import ControlServer
import Glibc
import Journaling
import Logging
import Scoring
import ServiceLifecycle
import StayposCore
import SystemPackage
import Threading
import UnixSignals
import Watching

/// The daemon from its first to its last moment.
package enum StayposDaemon {
  /// Runs until SIGTERM or SIGINT. SIGHUP reloads. Blocks the calling thread.
  /// - Throws: a ``StartError`` if it cannot start; it has been written to the journal by then.
  package static func run(configuration file: FilePath) throws {
    deferReloads()
    try ThreadExecutor.run { try await serve(configuration: file) }
  }

  /// SIGHUP waits, in every thread that is made from now on, until ``ReloadService`` takes it: before that it would end the
  /// process.
  private static func deferReloads() {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGHUP)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  private static func serve(configuration file: FilePath) async throws {
    // A scorer or client that is gone must end a write with EPIPE, not the daemon.
    signal(SIGPIPE, SIG_IGN)
    let journal = EventLog(output: .detect(identifier: "stayposd"))
    let parts: DaemonParts
    do {
      parts = try await BlockingService.offPool { Result { () throws(StartError) in try start(file, journal) } }.get()
    } catch {
      journal.record(Event(.startFailed, .error, "stayposd cannot start: \(error)"))
      _ = journal.flush(within: .seconds(2))
      throw error
    }

    let notifier = ServiceNotifier()
    let watchdog = Watchdog(pipeline: parts.pipeline, notifier: notifier)
    // Ended in reverse: intake first, then control, then the work in hand.
    var services: [any Service] = [
      BlockingService(name: "watchdog", body: watchdog.run, stop: watchdog.stop),
      BlockingService(name: "retention", body: parts.retention.run, stop: parts.retention.stop),
      BlockingService(name: "pipeline", stop: parts.pipeline.stop),
      BlockingService(name: "control", stop: parts.control.stop),
      BlockingService(
        name: "watcher",
        stop: {
          parts.intake.stop(); parts.watcher.stop()
        }),
    ]
    services.append(await ReloadService(reloader: parts.reloader, notifier: notifier, summary: parts.summary))
    let group = ServiceGroup(
      configuration: .init(
        services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
        logger: Logger(label: "lifecycle") { label in
          var handler = JournalLogHandler(label: label, log: journal)
          handler.logLevel = .warning
          return handler
        }))
    parts.events.record(
      Event(
        .started, .notice, "stayposd \(StayposVersion.current) is ready: \(parts.summary())",
        threshold: parts.context.policy.threshold, model: parts.pipeline.setup.model.sha256))
    notifier.ready(status: parts.summary())
    try await group.run()
    parts.events.record(Event(.stopped, .notice, "stayposd has stopped"))
    _ = journal.flush(within: .seconds(2))
  }

  /// `--check`: configuration and model, without touching state or quarantine.
  /// - Returns: lines that describe what would run.
  package static func check(configuration file: FilePath) throws(StartError) -> [String] {
    let configuration: Configuration
    do {
      configuration = try Configuration.load(file)
    } catch {
      throw StartError("\(error)", cause: .configuration)
    }
    let setup = try ScoringSetup.load(configuration.detector)
    let threshold = configuration.detector.threshold
    let lines = [
      "configuration: \(file.escaped) is valid",
      "model: \(setup.model.name), \(setup.model.sha256)",
      "threshold: \(threshold ?? setup.model.threshold) (\(threshold == nil ? "model" : "file"))",
      "mode: \(configuration.mode.rawValue)",
    ]
    let earlyExit = setup.model.head == .positive ? "on" : "never, for the model's head is linear"
    return lines + (setup.earlyExit ? ["early exit: \(earlyExit)"] : [])
      + configuration.watch.map { "watch: \($0.path.escaped)" }
  }

  private static func start(_ file: FilePath, _ journal: EventLog) throws(StartError) -> DaemonParts {
    let configuration: Configuration
    do {
      configuration = try Configuration.load(file)
    } catch {
      throw StartError("\(error)", cause: .configuration)
    }
    let parts = try DaemonParts(configuration, file: file, journal: journal)
    parts.pipeline.start()
    parts.watcher.start()
    return parts
  }
}
