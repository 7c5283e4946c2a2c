import Filesystem
import StayposCore

/// The scorer's side of the connection.
package struct ScorerServer: ~Copyable {
  private let channel: ScorerChannel

  package init(_ channel: consuming ScorerChannel) {
    self.channel = channel
  }

  /// Tells the daemon why there is nothing to serve.
  package func refuse(_ message: String) throws(ScorerProtocolError) {
    _ = try channel.send(ScorerGreeting(loadFailed: message))
  }

  /// Greets, then answers one request after the other until the daemon closes the connection.
  ///
  /// - Parameter score: decodes and scores what is in the descriptor, from its first byte.
  package func run(
    _ hello: ScorerHello, score: (borrowing Descriptor, ScorerRequest) -> ScoringOutcome
  ) throws(ScorerProtocolError) {
    guard try channel.send(ScorerGreeting(hello: hello)) == .sent else { return }
    while let received = try channel.receiveRequest() {
      let outcome = score(received.image, received.request)
      guard try channel.send(ScorerReply(id: received.request.id, outcome: outcome)) == .sent else { return }
    }
  }
}
