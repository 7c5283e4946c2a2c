import StayposCore
import Synchronization

/// Which bytes are being scored: another file with the same waits in the queue for the answer instead of asking again.
final class ContentsInWork: Sendable {
  /// How long it waits there.
  static let delay: Duration = .milliseconds(250)

  private let digests = Mutex<Set<SHA256Digest>>([])

  /// - Returns: false if another worker has the same content in work; else ``end(_:)`` has to follow.
  func begin(_ digest: SHA256Digest) -> Bool {
    digests.withLock { $0.insert(digest).inserted }
  }

  /// Its verdict is in the history, or it has none.
  func end(_ digest: SHA256Digest) {
    digests.withLock { _ = $0.remove(digest) }
  }
}
