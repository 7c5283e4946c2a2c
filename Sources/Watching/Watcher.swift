import Filesystem
import Glibc
import StayposCore
import Synchronization
import SystemPackage
import Threading

/// Watches directory trees and reports files that have settled.
///
/// Everything happens on one thread, which sleeps in poll(2) without a timeout while nothing is pending. `report` is
/// called on that thread: while it blocks, the kernel queues events, and after an overflow everything is scanned again,
/// so a slow receiver loses nothing.
package final class Watcher: Sendable {
  private let channel: WatchChannel
  private let roots: [WatchRoot]
  private let admission: Admission
  private let timing: WatchTiming
  private let report: @Sendable (WatchReport) -> Void
  private let thread = Mutex<Threading.DedicatedThread?>(nil)

  /// - Parameters:
  ///   - excluding: directories that are never entered, wherever they are moved or mounted: the quarantine, the state
  ///     directory.
  ///   - store: has what an earlier process has left, and gets what the next one needs.
  ///   - report: takes what the watcher has to say; must not call ``stop()``.
  /// - Throws: `watch-limit` if the user has too many inotify instances.
  package init(
    roots: [WatchRoot], excluding: [FilePath], timing: WatchTiming = WatchTiming(), store: (any WatchStore)? = nil,
    report: @escaping @Sendable (WatchReport) -> Void
  ) throws(FilesystemError) {
    channel = try WatchChannel(store: store)
    channel.status.withLock { $0.roots = roots.map { .init(path: $0.path, state: .starting) } }
    self.roots = roots
    self.admission = Admission(
      excluding: excluding,
      identities: excluding.compactMap { try? Directory(opening: $0).descriptor.status().identity })
    self.timing = timing
    self.report = report
  }

  /// Starts the thread, which first arms all watches, then scans the backlog. Once.
  package func start() {
    let (channel, roots, admission, timing, report) = (channel, roots, admission, timing, report)
    thread.withLock { thread in
      precondition(thread == nil, "a watcher is started once")
      thread = Threading.DedicatedThread(name: "watcher") {
        WatchLoop(channel: channel, admission: admission, timing: timing, report: report).run(roots: roots)
      }
    }
  }

  /// Ends the thread and waits for it. Files that had not settled are found by the next start's scan.
  package func stop() {
    channel.send { $0.stop = true }
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }

  /// Scans a file or directory again, nil: everything.
  package func rescan(_ path: FilePath? = nil) {
    channel.send { $0.rescans.append(path) }
  }

  /// Takes over another set of roots: what both sets have goes on without a gap.
  package func replace(roots: [WatchRoot]) {
    channel.send { $0.roots.append(roots) }
  }

  package var status: WatchStatus { channel.status.withLock { $0 } }

  /// For tests: what happens when the kernel has only so many watches.
  package func limitWatches(to count: Int) {
    channel.inotify.limit.store(count, ordering: .relaxed)
  }
}

/// What the watcher's thread shares with others.
final class WatchChannel: Sendable {
  struct Requests {
    var stop = false
    /// One after the other: what goes and comes again is scanned again.
    var roots: [[WatchRoot]] = []
    var rescans: [FilePath?] = []
  }

  let inotify: Inotify
  let store: (any WatchStore)?
  /// Of the process whose queue goes on.
  let inherited: WatchMap?
  let start: WatchStart
  let mounts: MountInfo
  let status = Mutex(WatchStatus())
  private let wake: EventDescriptor
  private let requests = Mutex(Requests())

  init(store: (any WatchStore)?) throws(FilesystemError) {
    self.store = store
    let left = store.map(WatchChannel.takeOver) ?? .success(nil)
    if case .success((let queue, let map)?) = left {
      (inotify, inherited) = (queue, map)
      start = .resumed(directories: map.entries.count)
    } else {
      if case .failure(let refusal) = left { start = .refused(refusal.reason) } else { start = .fresh }
      // What is of no use must not go on collecting events.
      for part in KeptPart.allCases { store?.discard(part) }
      (inotify, inherited) = (try Inotify(), nil)
    }
    // A store that has it already keeps it.
    store?.keep(inotify.descriptor, as: .queue)
    mounts = try MountInfo()
    wake = try EventDescriptor()
  }

  private struct Refusal: Error {
    var reason: String
  }

  /// What an earlier process has left, as far as it can be told without looking at any directory; nil: nothing.
  private static func takeOver(_ store: any WatchStore) -> Result<(Inotify, WatchMap)?, Refusal> {
    var content: [UInt8]?
    if let map = store.take(.map) {
      guard map.isSealed, let bytes = try? map.readAll(limit: mapLimit) else {
        return .failure(Refusal(reason: "the map of watches is not sealed, or too long"))
      }
      content = bytes
    }
    guard let queue = store.take(.queue) else {
      return content == nil ? .success(nil) : .failure(Refusal(reason: "the queue is missing"))
    }
    guard let content else { return .failure(Refusal(reason: "the map of watches is missing")) }
    do {
      let map = try WatchMap(decoding: content)
      return .success((try Inotify(adopting: queue), map))
    } catch let damage as WatchMap.Damage {
      return .failure(Refusal(reason: "the map of watches cannot be used: \(damage.rawValue)"))
    } catch {
      return .failure(Refusal(reason: "\(error)"))
    }
  }

  /// Bytes. A million watches take a tenth of it.
  private static let mapLimit = 1 << 29

  func send(_ change: (inout Requests) -> Void) {
    requests.withLock { change(&$0) }
    wake.signal()
  }

  func takeRequests() -> Requests {
    requests.withLock { requests in
      defer { requests = Requests() }
      return requests
    }
  }

  /// Sleeps until there is an event or a request, or the time is over.
  ///
  /// - Parameter timeout: nil: without end.
  /// - Returns: whether the mount table has changed.
  func wait(timeout: Duration?) -> Bool {
    var descriptors = [
      pollfd(fd: inotify.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wake.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: mounts.descriptor.rawValue, events: Int16(POLLPRI), revents: 0),
    ]
    var milliseconds: CInt = -1
    if let timeout {
      // Rounded up: a timeout that is too short would wake the thread twice.
      let (seconds, attoseconds) = max(timeout, .zero).components
      let total = min(seconds, 1_000_000) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
      milliseconds = CInt(total)
    }
    guard poll(&descriptors, 3, milliseconds) > 0 else { return false }
    if descriptors[1].revents != 0 { wake.clear() }
    return descriptors[2].revents != 0
  }
}
