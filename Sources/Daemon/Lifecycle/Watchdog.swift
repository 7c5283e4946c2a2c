import Journaling
import Threading

/// Tells systemd that the daemon makes progress (WatchdogSec=), and keeps silent when a worker is wedged.
final class Watchdog: Sendable {
  private let pipeline: Pipeline
  private let notifier: ServiceNotifier
  private let isStopping = Monitor(false)

  init(pipeline: Pipeline, notifier: ServiceNotifier) {
    self.pipeline = pipeline
    self.notifier = notifier
  }

  func stop() {
    isStopping.update { $0 = true }
  }

  /// Blocks until ``stop()``. Without a watchdog it just sleeps.
  func run() {
    let interval = notifier.watchdogInterval.map { $0 / 2 }
    while true {
      if interval != nil, !pipeline.isWedged() { notifier.keepAlive() }
      if isStopping.wait(timeout: interval, until: { $0 ? () : nil }) != nil { return }
    }
  }
}
