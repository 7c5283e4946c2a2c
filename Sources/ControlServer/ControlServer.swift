import ControlInterface
import Filesystem
import Glibc
import StayposCore
import Synchronization
import SystemPackage
import Threading

/// The control socket: Varlink clients on one thread of their own, the daemon behind ``ControlService``.
///
/// The thread sleeps in poll(2) until a client, the daemon or a client's deadline wants something. poll and not epoll:
/// connections are few by design (``ConnectionLimits/connections``), and the set to wait for follows from their states.
package final class ControlServer: Sendable {
  package struct Configuration: Sendable {
    /// Of staypos, for `GetInfo`.
    package var version: String
    /// Whose members may change things, beside root and the daemon's own user.
    package var adminGroup: gid_t?
    package var limits: ConnectionLimits

    package init(version: String, adminGroup: gid_t?, limits: ConnectionLimits = ConnectionLimits()) {
      self.version = version
      self.adminGroup = adminGroup
      self.limits = limits
    }
  }

  private let inbox: ControlInbox
  private let threads: Mutex<[DedicatedThread]>

  /// Serves at once, until ``stop()``.
  ///
  /// - Parameter feed: its events go to the clients that monitor.
  package init(
    listener: consuming ControlListener, service: any ControlService, feed: EventFeed, configuration: Configuration
  ) throws(ControlServerError) {
    let inbox = try ControlInbox()
    var jobs: [CallOutcome.Lane: BoundedQueue<@Sendable () -> Void>] = [:]
    var helpers: [DedicatedThread] = []
    for lane in CallOutcome.Lane.allCases {
      let queue = BoundedQueue<@Sendable () -> Void>(capacity: configuration.limits.connections)
      jobs[lane] = queue
      helpers.append(
        DedicatedThread(name: "control-\(lane)") {
          while let batch = queue.takeAll() {
            for job in batch { job() }
          }
        })
    }
    let handOver = Mutex<ControlListener?>(listener)
    self.inbox = inbox
    feed.attach { inbox.wake() }
    let shared = ControlLoop.Shared(
      inbox: inbox, jobs: jobs, feed: feed, service: service, configuration: configuration)
    let listenerBox = ListenerBox(handOver)
    let loop = DedicatedThread(name: "control") {
      guard let listener = listenerBox.take() else { return }
      ControlLoop(listener: listener, shared: shared).run()
    }
    threads = Mutex([loop] + helpers)
  }

  /// Closes every connection, removes the socket and waits for the jobs that are being worked on.
  package func stop() {
    let threads = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    inbox.stop()
    for thread in threads { thread.join() }
  }

  /// A group's number; nil if there is no such group.
  package static func groupID(named name: String) -> gid_t? {
    var entry = group()
    var found: UnsafeMutablePointer<group>?
    var buffer = [CChar](repeating: 0, count: 1 << 16)
    guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
    return entry.gr_gid
  }
}

/// Carries the listener, which has one owner, to the thread that serves it.
private final class ListenerBox: Sendable {
  private let listener: Mutex<ControlListener?>

  init(_ listener: consuming sending Mutex<ControlListener?>) {
    self.listener = listener
  }

  func take() -> ControlListener? {
    listener.withLock { $0.take() }
  }
}
