import CSystemd
import Glibc
import Synchronization

/// Descriptors that the service manager has passed to the daemon (sd_listen_fds(3)): sockets that it listens on, and what
/// an earlier process of the service gave it to keep.
package final class PassedDescriptors: Sendable {
  private struct Passed {
    var name: String
    var descriptor: CInt
  }

  private let rest: Mutex<[Passed]>

  private init(_ passed: [Passed]) {
    rest = Mutex(passed)
  }

  /// Call once: the variables are taken out of the environment, so that no child believes them.
  package static func take() -> PassedDescriptors {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    let count = Int(sd_listen_fds_with_names(1, &names))
    guard count > 0, let names else { return PassedDescriptors([]) }
    defer {
      for index in 0..<count { free(names[index]) }
      free(names)
    }
    return PassedDescriptors(
      (0..<count).map { index in
        Passed(
          name: names[index].map { String(cString: $0) } ?? "", descriptor: CInt(SD_LISTEN_FDS_START) + CInt(index))
      })
  }

  /// The listening stream socket with `FileDescriptorName=name`, for the caller to own. nil if there is none.
  package func socket(named name: String) -> CInt? {
    take { $0.name == name && sd_is_socket_unix($0.descriptor, CInt(SOCK_STREAM.rawValue), 1, nil, 0) > 0 }
  }

  /// What was kept under this name (``ServiceNotifier/keep(_:as:)``), for the caller to own. nil if there is nothing.
  package func kept(as name: String) -> CInt? {
    take { $0.name == name }
  }

  /// What nobody has taken.
  package func closeRest() {
    rest.withLock { rest in
      for passed in rest { close(passed.descriptor) }
      rest = []
    }
  }

  private func take(_ isWanted: (Passed) -> Bool) -> CInt? {
    rest.withLock { rest in
      guard let index = rest.firstIndex(where: isWanted) else { return nil }
      return rest.remove(at: index).descriptor
    }
  }
}
