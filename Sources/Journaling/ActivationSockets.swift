import CSystemd
import Glibc

/// Descriptors that the service manager has opened for the daemon (sd_listen_fds(3)).
package enum ActivationSockets {
  /// The listening stream socket with `FileDescriptorName=name`, for the caller to own. nil if there is none.
  ///
  /// Call once: the variables are taken out of the environment, so that no child believes them.
  package static func take(named name: String) -> CInt? {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    let count = Int(sd_listen_fds_with_names(1, &names))
    guard count > 0, let names else { return nil }
    defer {
      for index in 0..<count { free(names[index]) }
      free(names)
    }
    var found: CInt?
    for index in 0..<count {
      let descriptor = CInt(SD_LISTEN_FDS_START) + CInt(index)
      if found == nil, let own = names[index], String(cString: own) == name,
        sd_is_socket_unix(descriptor, CInt(SOCK_STREAM.rawValue), 1, nil, 0) > 0
      {
        found = descriptor
      } else {
        close(descriptor)
      }
    }
    return found
  }
}
