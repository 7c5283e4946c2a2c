import Foundation
import Glibc
import Synchronization
import SystemPackage

/// Signals the scorers that are at work on one file: those that have it open. From a thread of its own, started before
/// the file is there, so that no scorer is through before somebody looks.
///
/// Only root may look at the descriptors of a process that has hidden itself, as scorers do.
final class Saboteur: Sendable {
  static var isPossible: Bool { geteuid() == 0 }
  static let reason = "needs root: looks at the scorers' descriptors"

  private final class State: Sendable {
    let value = Mutex((victims: [pid_t](), isOver: false))
  }

  private let state = State()

  /// - Parameters:
  ///   - daemon: runs.
  ///   - times: each time another process.
  init(_ daemon: RunningDaemon, on path: FilePath, _ signal: CInt, times: Int = 1) {
    Thread.detachNewThread { [state, parent = daemon.processIdentifier] in
      var known: Set<pid_t> = []
      while known.count < times, !state.value.withLock({ $0.isOver }) {
        for process in children(of: parent).subtracting(known) where Self.isAtWork(process, on: path) {
          kill(process, signal)
          known.insert(process)
          state.value.withLock { $0.victims.append(process) }
        }
        usleep(2000)
      }
    }
  }

  deinit {
    state.value.withLock { $0.isOver = true }
  }

  /// In the order of their suffering.
  var victims: [pid_t] { state.value.withLock { $0.victims } }

  private static func isAtWork(_ process: pid_t, on path: FilePath) -> Bool {
    // Before its execve(2) a child has the descriptors of the daemon.
    let command = FileManager.default.contents(atPath: "/proc/\(process)/comm") ?? Data()
    guard command.starts(with: Data("staypos-scorer".utf8)) else { return false }
    return hasOpen(process, path)
  }
}

/// Whether a process has a file open, under the name that it has now.
func hasOpen(_ process: pid_t, _ path: FilePath) -> Bool {
  let directory = "/proc/\(process)/fd"
  let open = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
  return open.contains {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")) == path.string
  }
}
