import StayposCore
import Threading

/// Which bytes are being scored: another file with the same waits for the answer instead of asking again.
final class ContentsInWork: Sendable {
  private let digests = Monitor<Set<SHA256Digest>>([])
  /// Between two signs of life of a worker that waits.
  private static let interval: Duration = .seconds(10)

  /// Blocks while another worker has the same content in work; everybody who returns calls ``end(_:)``.
  /// - Parameter step: called now and then.
  func begin(_ digest: SHA256Digest, step: () -> Void) {
    while digests.wait(timeout: Self.interval, until: { $0.insert(digest).inserted ? () : nil }) == nil { step() }
  }

  /// Its verdict is in the history, or it has none.
  func end(_ digest: SHA256Digest) {
    digests.update { _ = $0.remove(digest) }
  }
}
