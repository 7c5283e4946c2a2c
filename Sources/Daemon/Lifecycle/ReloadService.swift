import Journaling
import ServiceLifecycle
import UnixSignals

/// SIGHUP: `systemctl reload`.
struct ReloadService: Service {
  private let reloader: Reloader
  private let notifier: ServiceNotifier
  private let summary: @Sendable () -> String
  private let signals: UnixSignalsSequence

  /// From here on SIGHUP does not end the process.
  init(reloader: Reloader, notifier: ServiceNotifier, summary: @escaping @Sendable () -> String) async {
    self.reloader = reloader
    self.notifier = notifier
    self.summary = summary
    signals = await UnixSignalsSequence(trapping: .sighup)
  }

  func run() async throws {
    // Child tasks and no `cancelOnGracefulShutdown()`: that starts a task on the default pool (see ThreadExecutor).
    await withTaskGroup { group in
      group.addTask {
        for await _ in signals { await reload() }
      }
      group.addTask {
        try? await gracefulShutdown()
        // This service is the first to end.
        notifier.stopping(status: "finishing the images in work")
        reloader.stop()
      }
      await group.next()
      group.cancelAll()
    }
  }

  private func reload() async {
    notifier.reloading()
    // A failure is in the journal and in `status`; the daemon goes on as it was.
    await BlockingService.offPool { try? reloader.reload() }
    notifier.ready(status: summary())
  }
}
