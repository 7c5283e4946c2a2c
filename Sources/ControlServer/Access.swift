import CLinux
import ControlInterface
import Glibc
import StayposCore

/// Who is at the other end, and what they may do (DESIGN: everybody who can connect may read).
struct Access: Sendable {
  let peer: Peer
  let mayChange: Bool

  /// nil if the kernel does not say who it is.
  init?(of connection: CInt, adminGroup: gid_t?) {
    var (pid, uid, gid): (pid_t, uid_t, gid_t) = (0, 0, 0)
    guard clinux_peer(connection, &pid, &uid, &gid) == 0 else { return nil }
    peer = Peer(uid: uid, gid: gid, pid: pid)
    mayChange =
      uid == 0 || uid == geteuid() || adminGroup.map { clinux_peer_in_group(connection, $0) } ?? false
  }

  func allows(_ method: ControlMethod) -> Bool {
    switch method.right {
    case .read: true
    case .change: mayChange
    }
  }
}

/// Lets refusals into the journal at a rate that no client can flood it with.
struct DenialLimiter {
  static let burst = 20.0

  private var tokens = burst
  private var last: ContinuousClock.Instant

  init(now: ContinuousClock.Instant) {
    last = now
  }

  /// One a second in the long run.
  mutating func admits(now: ContinuousClock.Instant) -> Bool {
    tokens = min(Self.burst, tokens + (now - last) / .seconds(1))
    last = now
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}
